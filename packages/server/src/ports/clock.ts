/**
 * Time, as the runtime sees it. The node's own clock is one implementation, the simulator's virtual clock another.
 *
 * - `nowMs` MUST be the wall clock in ms since the epoch; it MAY step backwards.
 * - `monotonicMs` MUST never step backwards.
 * - A timer MUST NOT fire before its delay has passed, and MUST NOT fire after `cancel`.
 * - `defer` MUST run its callback once, after the input that is already waiting was handled, and before time passes:
 *   it is the end of the turn, at which outboxes are flushed.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  setTimer(delayMs: number, fire: () => void): Timer;
  defer(run: () => void): void;
}

export interface Timer {
  cancel(): void;
}
