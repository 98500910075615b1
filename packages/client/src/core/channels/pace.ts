import { LONGEST_PAUSE_MS, serverWindowMs } from '../backoff.ts';

/** The least pause behind a refusal, ms: a server that says 0 must not be asked in a circle. */
export const LEAST_PAUSE_MS = 20;

/** The longest interval that a refusal leaves between two messages, ms. */
const LONGEST_INTERVAL_MS = 1_000;

/** An interval that has shrunk below this is none any more, ms. */
const NO_INTERVAL_MS = 2;

/** What each message that passes makes of the interval, and each refusal. */
const SHRINK = 0.97;
const GROW = 1.5;

/**
 * How fast messages may go out. Free at first; a server that refuses is given the pause that it asks for, and then one
 * message at a time, in intervals that shrink while nothing is refused. Waiting for refusals alone would earn one for
 * every message that passes, and a server closes connections that are refused too often ([LIM2]).
 */
export type Pace = {
  /** Nothing goes out before, by `nowMs`: as the server asked, or as the interval wants it. */
  freeAtMs: number;
  /** Until when the server asked for none. */
  heldUntilMs: number;
  /** Between two messages, ms; 0: no matter. */
  intervalMs: number;
  /** Refusals in a row. */
  refusals: number;
};

export function newPace(): Pace {
  return { freeAtMs: 0, heldUntilMs: 0, intervalMs: 0, refusals: 0 };
}

/** The server takes no more at the moment. @param random uniform in [0, 1) */
export function refused(pace: Pace, nowMs: number, retryAfterMs: number, random: number): void {
  const askedMs = Math.max(serverWindowMs(retryAfterMs), LEAST_PAUSE_MS);
  // Of several that were under way at once each is refused: that is one refusal.
  if (nowMs >= pace.heldUntilMs)
    pace.intervalMs = Math.min(Math.max(askedMs, pace.intervalMs * GROW), LONGEST_INTERVAL_MS);
  hold(pace, nowMs, askedMs, random);
}

/** The server cannot do it now, whatever the speed: a pause that doubles while that lasts. */
export function failedForNow(pace: Pace, nowMs: number, retryAfterMs: number, random: number): void {
  const boundMs = Math.min(LONGEST_PAUSE_MS, LEAST_PAUSE_MS * 2 ** Math.min(pace.refusals, 10));
  pace.refusals++;
  hold(pace, nowMs, Math.max(serverWindowMs(retryAfterMs), boundMs), random);
}

/** The jitter comes on top: whoever was told the same must not come back in the same instant. */
function hold(pace: Pace, nowMs: number, pauseMs: number, random: number): void {
  const jitterMs = random * Math.min(pauseMs, 1_000);
  pace.heldUntilMs = Math.max(pace.heldUntilMs, Math.ceil(nowMs + pauseMs + jitterMs));
  pace.freeAtMs = Math.max(pace.freeAtMs, pace.heldUntilMs);
}

export function sent(pace: Pace, nowMs: number): void {
  if (pace.intervalMs > 0) pace.freeAtMs = Math.max(pace.freeAtMs, nowMs + pace.intervalMs);
}

export function passed(pace: Pace): void {
  pace.refusals = 0;
  pace.intervalMs *= SHRINK;
  if (pace.intervalMs < NO_INTERVAL_MS) pace.intervalMs = 0;
}

/** Whether forgetting it would change nothing. */
export function isFree(pace: Pace, nowMs: number): boolean {
  return pace.intervalMs === 0 && pace.refusals === 0 && nowMs >= pace.freeAtMs;
}
