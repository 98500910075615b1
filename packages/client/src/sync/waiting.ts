import { CarillonError } from '../carillon-error.ts';
import type { MutationItem, SyncToken } from '../core/sync/mutation.ts';
import type { Platform } from '../platform.ts';
import { quiet, rejected } from '../quiet.ts';

/** How long `until` waits unless it says otherwise, ms: as a call. */
const DEFAULT_UNTIL_MS = 10_000;

export type UntilOptions = {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Who waits until something is to be seen. */
export type Waiting = {
  until(token: SyncToken, options: UntilOptions): Promise<void>;
  /** What is known has changed. */
  look(): void;
  /** A mutation has ended: whoever waits for one that will not come is told. */
  end(item: MutationItem, error: CarillonError): void;
  /** Nothing will come any more. */
  endAll(error: CarillonError): void;
};

type Waiter = { readonly token: SyncToken; settle(error: CarillonError | null): void };

/** @param includes whether what is known includes what a token stands for; `fresh`: nobody asked before */
export function createWaiting(
  { setTimer }: Platform,
  includes: (token: SyncToken, fresh: boolean) => boolean,
): Waiting {
  const waiters = new Set<Waiter>();
  return {
    until(token, { timeoutMs = DEFAULT_UNTIL_MS, signal }) {
      if (includes(token, true)) return Promise.resolve();
      const cancelled = new CarillonError('cancelled', '');
      if (signal?.aborted === true) return rejected(cancelled);
      return quiet(
        new Promise((resolve, reject) => {
          const abort = (): void => waiter.settle(cancelled);
          const cancelTimer = setTimer(timeoutMs, () =>
            waiter.settle(new CarillonError('deadline_exceeded', `${timeoutMs} ms`)),
          );
          const waiter: Waiter = {
            token,
            settle(error) {
              waiters.delete(waiter);
              cancelTimer();
              signal?.removeEventListener('abort', abort);
              if (error === null) resolve();
              else reject(error);
            },
          };
          signal?.addEventListener('abort', abort);
          waiters.add(waiter);
        }),
      );
    },
    look() {
      for (const waiter of [...waiters]) if (includes(waiter.token, false)) waiter.settle(null);
    },
    end({ id }, error) {
      for (const waiter of [...waiters]) if (waiter.token === id) waiter.settle(error);
    },
    endAll(error) {
      for (const waiter of [...waiters]) waiter.settle(error);
    },
  };
}
