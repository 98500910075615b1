import { CarillonError } from '../carillon-error.ts';
import type { Refusal } from '../core/channels/channel-events.ts';
import { type DurableRequest, isPublication } from '../core/outbox/outbox-events.ts';
import type { OutboxHost } from './outbox-part.ts';

/**
 * The line that entries are sent on. An outbox hands it one entry of each lane at a time, and only while it leads: whose line it
 * is does not matter to the outbox.
 */
export type OutboxFeed = {
  /**
   * Sends an entry under its number; again on the same line where the server refused it for now by a limit.
   *
   * @returns resolves with `Published`, or the output of a call; rejects with a CarillonError: `line_lost` where the line went
   */
  send(request: DurableRequest, queue: string, number: number): Promise<unknown>;
};

/** Sends on the client's own line. */
export function feedOn(ask: OutboxHost['ask']): OutboxFeed {
  return {
    send: (request, queue, number) =>
      ask((ticket) =>
        isPublication(request)
          ? { ...request, type: 'publish', ticket, signal: false, lane: { queue, number } }
          : { ...request, type: 'call', ticket, id: `${queue}:${number}` },
      ).settled,
  };
}

/** What a request was refused with, as it can be kept. */
export function refusalIn(error: unknown): Refusal {
  if (!(error instanceof CarillonError)) return { code: 'internal', detail: String(error), unknown: true };
  const { code, message, unknown, retryAfterMs, position, path, error: name, data } = error;
  const detail = message.slice(code.length + 2);
  return { code: code as Refusal['code'], detail, unknown, retryAfterMs, position, path, error: name, data };
}
