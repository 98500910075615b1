import type { Clock } from '@carillon/server/simulation';
import type { Owner, VirtualTime } from './virtual-time.ts';

/** When every run begins, ms since the epoch: a Saturday in 2025, and a multiple of all intervals. */
export const EPOCH_MS = 1_763_715_600_000;

/** A wall clock that somebody may set. */
export type WallClock = { offsetMs: number };

/** The clock of one life of a node: what it planned is gone when the life is. */
export function createNodeClock(time: VirtualTime, life: Owner, wall: WallClock): Clock {
  return {
    // Whole milliseconds, as `Date.now` has them.
    nowMs: () => Math.floor(EPOCH_MS + wall.offsetMs + time.nowMs()),
    monotonicMs: () => time.nowMs(),
    setTimer: (delayMs, fire) => time.plan(delayMs, life, fire),
    defer: (run) => time.defer(life, run),
  } satisfies Clock;
}
