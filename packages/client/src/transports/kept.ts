import type { Transport } from '../core/events.ts';
import { guarded } from '../listeners.ts';
import { type LinesParts, memoryKey } from './ways.ts';

/** What was learned counts for so long, ms: a network is hardly the same after a night. */
export const KEPT_FOR_MS = 12 * 60 * 60_000;

/** What worked on this network, and how long a line may be silent on it (null: as long as it likes). */
export type Kept = { readonly way: Transport; readonly everyMs: number | null };

/** @returns what an earlier page learned; the best of the ways where it learned nothing, or too long ago */
export function readKept({ storage, url, platform }: LinesParts, ways: readonly Transport[]): Kept {
  const [best = 'websocket'] = ways;
  const nothing: Kept = { way: best, everyMs: null };
  try {
    const value = JSON.parse(storage?.getItem(memoryKey(url)) ?? 'null') as Record<string, unknown> | null;
    if (value === null) return nothing;
    const { way, everyMs, at } = value;
    const ageMs = platform.wallMs() - Number(at);
    if (!(ageMs >= 0 && ageMs < KEPT_FOR_MS)) return nothing;
    return {
      way: ways.find((each) => each === way) ?? best,
      everyMs: typeof everyMs === 'number' && everyMs >= 1000 ? everyMs : null,
    };
  } catch {
    // Storage that is closed to the page, or what is in it is not of this SDK.
    return nothing;
  }
}

/** Storage that fails costs the next page an attempt or two, nothing else. */
export function writeKept({ storage, url, platform }: LinesParts, kept: Kept | null): void {
  const key = memoryKey(url);
  guarded(
    () => {
      if (kept === null) storage?.removeItem(key);
      else storage?.setItem(key, JSON.stringify({ ...kept, at: platform.wallMs() }));
    },
    () => {},
  );
}
