/** The longest first pause, ms: most lines that drop are back at once, but not for all clients in the same instant. */
export const FIRST_PAUSE_MS = 1000;

/** The longest pause, ms: a user who looks at the page waits no longer than this for a server that came back. */
export const LONGEST_PAUSE_MS = 20_000;

/** The least wait where a server says later, ms; jitter of the same length comes on top. */
export const LEAST_SERVER_PAUSE_MS = 1_000;

/** The longest wait a server may ask for, ms: a wrong number must not keep a client away for a day. */
export const LONGEST_SERVER_WINDOW_MS = 10 * 60_000;

/**
 * The pause before the next attempt, with full jitter: anywhere between nothing and a bound that doubles ([ERR4]).
 * Full jitter spreads clients that lost one server better than a pause with some noise on it
 * (AWS Architecture Blog, "Exponential Backoff and Jitter", 2015).
 *
 * @param failures attempts that failed since the last connection that was of use
 * @param random uniform in [0, 1)
 * @returns ms, below FIRST_PAUSE_MS for the first retry
 */
export function pauseMs(failures: number, random: number): number {
  // 2 ** 5 s is over the cap; the exponent is bounded so that it never overflows.
  const boundMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 5));
  return Math.floor(random * boundMs);
}

/** What a server asked for, made safe to wait for: ms, 0 where it asked for nothing. */
export function serverWindowMs(asked: unknown): number {
  return typeof asked === 'number' && asked > 0 ? Math.min(asked, LONGEST_SERVER_WINDOW_MS) : 0;
}
