import type { Clock, Timer } from '../ports/clock.ts';

/** Items that become due a fixed time after they were added: one timer for all, however many there are. */
export type DueQueue<T> = {
  /** Adds an item, or puts it back to the end. */
  add(item: T): void;
  remove(item: T): void;
  readonly size: number;
  /** Forgets everything and cancels the timer. */
  clear(): void;
};

/** A timer is armed no finer than this, so that items that are due almost together cost one wake-up. */
const GRANULARITY_MS = 10;

/** @param delayMs from `add` until `onDue`; an item is out of the queue before it is handed over */
export function createDueQueue<T>(clock: Clock, delayMs: number, onDue: (item: T) => void): DueQueue<T> {
  // A Map keeps insertion order, and with a fixed delay that is the order in which items become due.
  const dueAtMs = new Map<T, number>();
  let timer: Timer | null = null;
  let sweeping = false;

  function arm(waitMs: number): void {
    timer = clock.setTimer(Math.max(waitMs, 0), sweep);
  }

  function sweep(): void {
    timer = null;
    sweeping = true;
    const nowMs = clock.monotonicMs();
    try {
      for (const [item, due] of dueAtMs) {
        if (due > nowMs) break;
        dueAtMs.delete(item);
        onDue(item);
      }
    } finally {
      sweeping = false;
    }
    for (const due of dueAtMs.values()) {
      arm(Math.max(due - clock.monotonicMs(), GRANULARITY_MS));
      break;
    }
  }

  return {
    add(item) {
      dueAtMs.delete(item);
      dueAtMs.set(item, clock.monotonicMs() + delayMs);
      // An item that comes back while it is handed over is the last in line: the timer is for the first.
      if (timer === null && !sweeping) arm(delayMs);
    },
    remove(item) {
      dueAtMs.delete(item);
      if (dueAtMs.size === 0 && timer !== null) {
        timer.cancel();
        timer = null;
      }
    },
    get size() {
      return dueAtMs.size;
    },
    clear() {
      dueAtMs.clear();
      timer?.cancel();
      timer = null;
    },
  };
}
