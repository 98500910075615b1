import type { Clock } from '../../src/ports/clock.ts';

/** Time that passes only when a test says so. */
export type VirtualClock = Clock & {
  /** Lets time pass, firing what becomes due in its order, and settles every promise in between. */
  advance(ms: number): Promise<void>;
  /** Ends the turn: runs what was deferred and settles every promise. */
  settle(): Promise<void>;
  /** Moves the wall clock without letting time pass. */
  stepWall(ms: number): void;
  readonly timers: number;
};

type Entry = { readonly dueMs: number; readonly seq: number; readonly fire: () => void };

export function createVirtualClock(wallMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsedMs = 0;
  let wallOffsetMs = wallMs;
  let seq = 0;
  const timers = new Set<Entry>();
  let deferred: (() => void)[] = [];

  async function settle(): Promise<void> {
    // A deferred flush may resolve promises that defer again; the bound only guards against a loop.
    for (let i = 0; i < 50; i++) {
      for (let j = 0; j < 10; j++) await Promise.resolve();
      const run = deferred;
      deferred = [];
      for (const callback of run) callback();
      if (run.length === 0 && i > 2) return;
    }
  }

  return {
    nowMs: () => wallOffsetMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    setTimer(delayMs, fire) {
      const entry = { dueMs: elapsedMs + delayMs, seq: seq++, fire };
      timers.add(entry);
      return { cancel: () => void timers.delete(entry) };
    },
    defer(run) {
      deferred.push(run);
    },
    async advance(ms) {
      const untilMs = elapsedMs + ms;
      await settle();
      for (;;) {
        let next: Entry | undefined;
        for (const entry of timers) {
          if (entry.dueMs > untilMs) continue;
          if (
            next === undefined ||
            entry.dueMs < next.dueMs ||
            (entry.dueMs === next.dueMs && entry.seq < next.seq)
          )
            next = entry;
        }
        if (next === undefined) break;
        timers.delete(next);
        elapsedMs = Math.max(elapsedMs, next.dueMs);
        next.fire();
        await settle();
      }
      elapsedMs = untilMs;
      await settle();
    },
    settle,
    stepWall(ms) {
      wallOffsetMs += ms;
    },
    get timers() {
      return timers.size;
    },
  };
}
