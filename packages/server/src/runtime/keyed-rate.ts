import type { RateLimit } from '../core/session/message-rate.ts';

/**
 * A token bucket for each of many keys: a user, an address. A bucket that is full again is like one that never was, so
 * it is forgotten; what is kept is bounded by the keys that took something within the time in which a bucket fills.
 */
export type KeyedRate = {
  /**
   * Takes out of a key's bucket. What is refused costs nothing: whoever waits as long as they are told is let in.
   *
   * @param nowMs on a clock that never steps back
   * @param count how many at once; absent: one. More than the burst are never let in
   * @returns 0 where there was one, else in how many ms there will be
   */
  take(key: string, nowMs: number, count?: number): number;
  /** Buckets that are kept. */
  readonly size: number;
};

/** Fractions of a millisecond add up to slightly more than their multiple. */
const ROUNDING_MS = 0.001;

/**
 * Buckets that each `take` looks at to forget them if they are full. One more than it may add, so that the sweep
 * overtakes whatever comes, and nobody needs a timer.
 */
const SWEPT_AT_ONCE = 2;

export function createKeyedRate({ perSecond, burst }: RateLimit): KeyedRate {
  const oneMs = 1000 / perSecond;
  const allMs = burst * oneMs;
  /** When each bucket is full again: all there is to know of one. */
  const fullAtMs = new Map<string, number>();
  // An iterator of a Map goes on behind what was deleted, and comes to what was added meanwhile.
  let sweep = fullAtMs.entries();

  function forgetFull(nowMs: number): void {
    for (let i = 0; i < SWEPT_AT_ONCE; i++) {
      const next = sweep.next();
      if (next.done === true) {
        sweep = fullAtMs.entries();
        return;
      }
      const [key, atMs] = next.value;
      if (atMs <= nowMs) fullAtMs.delete(key);
    }
  }

  return {
    take(key, nowMs, count = 1) {
      forgetFull(nowMs);
      const fullMs = Math.max(fullAtMs.get(key) ?? nowMs, nowMs) + count * oneMs;
      const waitMs = fullMs - nowMs - allMs;
      if (waitMs > ROUNDING_MS) return Math.ceil(waitMs - ROUNDING_MS);
      fullAtMs.set(key, fullMs);
      return 0;
    },
    get size() {
      return fullAtMs.size;
    },
  };
}
