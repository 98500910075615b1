/** Who calls, and how long they wait. */
export type CallContext = {
  readonly user: string;
  readonly session: string;
  readonly device: string;
  /**
   * The caller's idempotency key ([CALL6]); null: none was given. The server does not look at it: a call that is sent again, as one
   * is whose answer was lost, is served again, and only the handler can tell by the user and this.
   */
  readonly key: string | null;
  /** Aborted when the caller calls it off, goes away for good, or the time is over. */
  readonly signal: AbortSignal;
  /** ms from now until nobody waits for the answer any more. */
  readonly timeoutMs: number;
};

/**
 * Serves a call. What it throws is logged and answered `internal`, unless it is a `CallFailure`: an error of the app's, with
 * a code that the contract declares.
 */
export type CallHandler = (input: unknown, context: CallContext) => unknown;

/** What a handler throws to answer with one of the errors that the contract declares for the call. */
export type CallFailure = { readonly callError: string; readonly data: unknown; readonly message: string };

export function isCallFailure(error: unknown): error is CallFailure {
  return (
    typeof error === 'object' &&
    error !== null &&
    'callError' in error &&
    typeof error.callError === 'string' &&
    'message' in error &&
    typeof error.message === 'string'
  );
}

/** What an app's code threw, for the log: anything at all may be thrown, also what has no text. */
export function thrownText(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that has no text'; // That it was thrown is all there is to say of it.
  }
}
