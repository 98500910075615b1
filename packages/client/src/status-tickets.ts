import { type CarillonErrorCode, CarillonError } from './carillon-error.ts';

/** Promises that are kept apart while changes wait for the server; further calls join the latest. */
export const MOST_WAITERS = 100;

/** The promises of `setStatus` that are not settled yet. */
export type StatusTickets = {
  /**
   * @param share while nothing can be sent: the call joins the one before, as its change does, so that an app that sets
   * its status for hours offline holds one promise and not thousands
   */
  take(share: boolean): { readonly ticket: number; readonly settled: Promise<void> };
  /** Settles every ticket up to this one; rejects them where there is a code. */
  settle(upTo: number, code: CarillonErrorCode | null, detail: string): void;
};

type Waiter = {
  ticket: number;
  readonly settled: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: CarillonError) => void;
};

export function createStatusTickets(): StatusTickets {
  const waiters: Waiter[] = [];
  let lastTicket = 0;
  return {
    take(share) {
      const ticket = ++lastTicket;
      const last = waiters.at(-1);
      if (last !== undefined && (share || waiters.length >= MOST_WAITERS)) {
        last.ticket = ticket;
        return last;
      }
      let resolve = (): void => {};
      let reject = (_error: CarillonError): void => {};
      const settled = new Promise<void>((onOk, onError) => {
        resolve = onOk;
        reject = onError;
      });
      // Most callers do not wait for the answer; to them a refusal must not be an unhandled rejection, which ends Node.
      settled.catch(() => {});
      const waiter: Waiter = { ticket, settled, resolve, reject };
      waiters.push(waiter);
      return waiter;
    },
    settle(upTo, code, detail) {
      while (waiters[0] !== undefined && waiters[0].ticket <= upTo) {
        const waiter = waiters.shift();
        if (code === null) waiter?.resolve();
        else waiter?.reject(new CarillonError(code, detail));
      }
    },
  };
}
