import type { Turn } from './core/events.ts';
import type { Platform } from './platform.ts';

/** What a machine is told of the moment in which it decides. */
export function turnOf(platform: Platform): Turn {
  return { nowMs: platform.nowMs(), wallMs: platform.wallMs(), random: platform.random() };
}
