import type { Clock, Timer } from '../../ports/clock.ts';

/**
 * Time that passes only when a test says so. What can happen without time passing happens by itself, a turn of the event loop
 * a piece: a call of a client is answered without anybody touching the clock.
 */
export type TestClock = Clock & {
  /**
   * Lets time pass: whatever falls due happens in its order and at its own time, and everything that follows from it.
   * Calls wait for one another.
   *
   * @throws RangeError for a time that is negative or no number
   */
  advance(ms: number): Promise<void>;
  /**
   * Resolves once nothing more can happen at the present moment. Of what an app's own rules and handlers wait for outside (a
   * file, a database) the clock knows nothing: there, wait for the client's own promise.
   */
  settle(): Promise<void>;
};

/** A clock that the kit's own parts may tell of work that takes no virtual time, and several turns of the event loop. */
export type KitClock = TestClock & {
  /** `settle` waits for it. */
  during<T>(work: Promise<T>): Promise<T>;
};

/** A moment whose date nobody mistakes for today's: 1 January 2026, 00:00 UTC. */
const BEGINNING_MS = Date.UTC(2026, 0, 1);

/** Promises that were just resolved may lead to more; a turn without anything to do may be followed by one with. */
const QUIET_TURNS = 3;

// Taken while it is the real one: an app's tests may put fake timers in its place.
const { setImmediate: nextTurn } = globalThis;

type Entry = { readonly dueMs: number; readonly fire: () => void };

export function createTestClock(): KitClock {
  /** By the time they are due; of the same time the first that was set comes first. */
  const timers: Entry[] = [];
  let deferred: (() => void)[] = [];
  let elapsedMs = 0;
  let working = 0;
  let pumping = false;
  let last: Promise<void> = Promise.resolve();

  function hasDue(): boolean {
    const [next] = timers;
    return deferred.length > 0 || (next !== undefined && next.dueMs <= elapsedMs);
  }

  function wake(): void {
    if (pumping || !hasDue()) return;
    pumping = true;
    nextTurn(pump);
  }

  /** One thing a turn of the event loop, so that every promise that it settles is followed first. */
  function pump(): void {
    pumping = false;
    try {
      const [next] = timers;
      if (next !== undefined && next.dueMs <= elapsedMs) {
        timers.shift();
        next.fire();
      } else {
        const turn = deferred;
        deferred = [];
        for (const run of turn) run();
      }
    } finally {
      // Also where it threw: the error ends the test, and what comes behind it must not hang.
      wake();
    }
  }

  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await new Promise<void>((resolve) => void nextTurn(resolve));
      if (hasDue() || working > 0) quiet = -1;
    }
  }

  async function pass(ms: number): Promise<void> {
    await settle();
    const untilMs = elapsedMs + ms;
    for (let [next] = timers; next !== undefined && next.dueMs <= untilMs; [next] = timers) {
      elapsedMs = Math.max(elapsedMs, next.dueMs);
      wake();
      await settle();
    }
    elapsedMs = untilMs;
    await settle();
  }

  return {
    nowMs: () => BEGINNING_MS + Math.floor(elapsedMs),
    monotonicMs: () => elapsedMs,
    setTimer(delayMs, fire): Timer {
      const entry: Entry = { dueMs: elapsedMs + Math.max(0, delayMs), fire };
      timers.splice(placeOf(entry.dueMs, timers), 0, entry);
      wake();
      return {
        cancel() {
          const at = timers.indexOf(entry);
          if (at !== -1) timers.splice(at, 1);
        },
      };
    },
    defer(run) {
      deferred.push(run);
      wake();
    },
    settle,
    advance(ms) {
      if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`${ms} ms cannot pass: give a number from 0`);
      last = last.then(() => pass(ms));
      return last;
    },
    async during(work) {
      working++;
      try {
        return await work;
      } finally {
        working--;
      }
    },
  } satisfies KitClock;
}

/** Behind everything that is due at that time or before: by halves, for there may be thousands. */
function placeOf(dueMs: number, timers: readonly Entry[]): number {
  let low = 0;
  let high = timers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = timers[middle];
    if (entry !== undefined && entry.dueMs <= dueMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
