import { CarillonError } from '../carillon-error.ts';
import type { SendResult } from '../core/sync/mutation.ts';
import { tokenOf } from './send-over-http.ts';
import type { Send, SentMutation } from './sync-types.ts';

/** A client, as far as sending goes: one whose contract has a call that takes mutations. */
type Calling<Name extends string> = {
  // A property and not a method: the input of another call must not pass.
  readonly call: (
    name: Name,
    input: SentMutation,
    options: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ) => Promise<unknown>;
};

/** More than an attempt may take, which the sync ends itself; the most that a call may, ms. */
const CALL_MS = 10 * 60_000;

/**
 * Sends mutations as a call of the contract, whose input is a `SentMutation`; its output may have a `token`. The call's own errors reject, with their
 * code and data; so does what the server refuses for good.
 */
export function sendOverCall<Name extends string>(client: Calling<NoInfer<Name>>, name: Name): Send {
  return async (mutation, { signal }): Promise<SendResult> => {
    try {
      return {
        result: 'accepted',
        token: tokenOf(await client.call(name, mutation, { signal, timeoutMs: CALL_MS })),
      };
    } catch (error) {
      if (!(error instanceof CarillonError)) throw error;
      const { code, retry, unknown, retryAfterMs, message, data } = error;
      if (retry || unknown || retryAfterMs !== undefined || code === 'line_lost' || code === 'cancelled')
        return { result: 'retry', reason: message, retryAfterMs, failed: code === 'internal' };
      return { result: 'rejected', code: error.error ?? code, message, data };
    }
  };
}
