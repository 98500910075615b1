import type { Clock, Timer } from '../../ports/clock.ts';

/** One direction of a connection: everything arrives in the order it was sent, like TCP. */
export type Pipe = {
  push(arrive: () => void): void;
  /** Nothing arrives, nothing is lost. */
  pause(): void;
  unpause(): void;
  /** Whatever has not arrived never does, nor whatever is pushed from now on. */
  breakOff(): void;
};

type Item = { readonly readyMs: number; readonly arrive: () => void };

/** @param delayMs how long what is pushed now is on its way */
export function createPipe(clock: Clock, delayMs: () => number): Pipe {
  const queue: Item[] = [];
  let paused = false;
  let broken = false;
  let timer: Timer | null = null;

  function schedule(): void {
    timer?.cancel();
    timer = null;
    const [head] = queue;
    if (head === undefined || paused) return;
    timer = clock.setTimer(Math.max(0, head.readyMs - clock.monotonicMs()), deliver);
  }

  function deliver(): void {
    timer = null;
    const item = queue.shift();
    // Before the next is planned: what this one leads to at the other end may be the end of the line.
    item?.arrive();
    schedule();
  }

  return {
    push(arrive) {
      if (broken) return;
      // What is ready before its forerunner waits for it: the head alone is timed.
      queue.push({ readyMs: clock.monotonicMs() + delayMs(), arrive });
      if (queue.length === 1) schedule();
    },
    pause() {
      paused = true;
      schedule();
    },
    unpause() {
      paused = false;
      schedule();
    },
    breakOff() {
      broken = true;
      queue.length = 0;
      schedule();
    },
  };
}
