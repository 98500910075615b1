import type { DevicePatch } from '../../ports/presence.ts';
import { mergePatches } from './fields.ts';

/**
 * Holds back rapid changes of one device: the first goes out at once, those that follow within the interval are merged
 * into one at its end. Followers get the latest state, never a stale one, and at most one change an interval.
 */
export type DevicePace = {
  /** When the next change may go out, ms on the monotonic clock. */
  notBeforeMs: number;
  pending: DevicePatch | null;
};

export type PaceDecision =
  | { readonly kind: 'apply'; readonly patch: DevicePatch }
  /** Arm a timer for this many ms, then call `take`. */
  | { readonly kind: 'wait'; readonly delayMs: number }
  /** Merged into a change that waits already. */
  | { readonly kind: 'merged' };

export function newPace(): DevicePace {
  return { notBeforeMs: 0, pending: null };
}

export function offer(pace: DevicePace, patch: DevicePatch, nowMs: number, intervalMs: number): PaceDecision {
  if (pace.pending !== null) {
    pace.pending = mergePatches(pace.pending, patch);
    return { kind: 'merged' };
  }
  if (nowMs >= pace.notBeforeMs) {
    pace.notBeforeMs = nowMs + intervalMs;
    return { kind: 'apply', patch };
  }
  pace.pending = patch;
  return { kind: 'wait', delayMs: pace.notBeforeMs - nowMs };
}

/** The merged change, once its time has come. */
export function take(pace: DevicePace, nowMs: number, intervalMs: number): DevicePatch | null {
  const patch = pace.pending;
  pace.pending = null;
  if (patch !== null) pace.notBeforeMs = nowMs + intervalMs;
  return patch;
}
