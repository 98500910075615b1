import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DaprSourceOptions } from './dapr-settings.ts';
import type { Headers } from './headers.ts';
import { type ReadBody, readBody } from './read-body.ts';
import { type BulkEntry, type Delivery, readCutDelivery, readDelivery } from './read-delivery.ts';
import { endsConnection, type Replies } from './replies.ts';
import { createSlots } from './slots.ts';
import { type Answer, NOT_NOW, sizeDetail, type Taker, type Work } from './taker.ts';

/** Events of one request at most; those behind them are answered `RETRY`, and come with the next. */
export const MAX_BULK_EVENTS = 1_000;

/** What base64 adds to a payload, and what attributes may stand around it. */
const BASE64_GROWTH = 4 / 3;
const ENVELOPE_BYTES = 64 * 1024;

type EntryStatus = Answer & { readonly entryId: string };

/** Takes what sidecars post. Never rejects. */
export type Receiver = (topic: string, request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createReceiver(options: DaprSourceOptions, taker: Taker, replies: Replies): Receiver {
  const { eventBytes, bulkBytes, deadlineMs, inFlight, clock, warn } = options;
  const slots = createSlots(inFlight);
  const singleBytes = Math.ceil(eventBytes * BASE64_GROWTH) + ENVELOPE_BYTES;

  /** A payload that came as bytes the intake measures itself. */
  function takeOne(
    { event }: Extract<Delivery, { kind: 'single' }>,
    bytes: number,
    work: Work,
  ): Promise<Answer> {
    if (event.content.kind === 'value' && bytes > eventBytes)
      return Promise.resolve(taker.drop(event, 'event_too_large', sizeDetail(bytes, eventBytes)));
    return taker.take(event, work);
  }

  async function takeEntry(
    { entryId, bytes, event }: BulkEntry,
    at: number,
    work: Work,
  ): Promise<EntryStatus> {
    if (at >= MAX_BULK_EVENTS) return { entryId, ...NOT_NOW };
    if (bytes > eventBytes)
      return { entryId, ...taker.drop(event, 'event_too_large', sizeDetail(bytes, eventBytes)) };
    return { entryId, ...(await taker.take(event, work)) };
  }

  /** All at once and in their order: each lane keeps its own. */
  function takeEntries(entries: readonly BulkEntry[], work: Work): Promise<EntryStatus[]> {
    return Promise.all(entries.map((entry, at) => takeEntry(entry, at, work)));
  }

  /**
   * What is too large alone is dropped: sent again it would be no smaller. Of several that are too large together those are taken that
   * were kept; whatever is answered no status comes again (Dapr, "Expected HTTP response for bulk subscribe"), with fewer before it.
   */
  async function takeCut(
    topic: string,
    { bytes, first }: Extract<ReadBody, { kind: 'too_large' }>,
    work: Work,
  ): Promise<object> {
    const cut = readCutDelivery(topic, first, singleBytes - ENVELOPE_BYTES / 2, options);
    if (cut === null)
      return taker.drop({ topic, place: topic }, 'event_too_large', sizeDetail(bytes, eventBytes));
    const statuses = await takeEntries(cut.entries, work);
    if (cut.tooLarge !== null) {
      const place = `${topic}#${cut.tooLarge.entryId}`;
      const detail = `it has more than ${cut.tooLarge.bytes} bytes, and at most ${eventBytes} are taken`;
      statuses.push({
        entryId: cut.tooLarge.entryId,
        ...taker.drop({ topic, place }, 'event_too_large', detail),
      });
    }
    warn('dapr_bulk_cut', { topic, bytes, limit: bulkBytes, taken: statuses.length });
    return { statuses };
  }

  async function receive(
    topic: string,
    request: IncomingMessage,
    response: ServerResponse,
    work: Work,
  ): Promise<void> {
    // Whether it is one event or several shows only when it was read.
    const body = await readBody(request, Math.max(singleBytes, bulkBytes), work.signal);
    switch (body.kind) {
      case 'gone':
        return;
      case 'late':
        endsConnection(response);
        return replies.ok(response, NOT_NOW);
      case 'read_before':
        return replies.refuse(
          response,
          'bad_json',
          'the body was read before: mount this in front of body parsers',
        );
      case 'too_large':
        if (!body.all) endsConnection(response);
        return replies.ok(response, await takeCut(topic, body, work));
      case 'whole': {
        const delivery = readDelivery(topic, request.headers as Headers, body.bytes, options);
        if (delivery.kind === 'single')
          return replies.ok(response, await takeOne(delivery, body.bytes.byteLength, work));
        return replies.ok(response, { statuses: await takeEntries(delivery.entries, work) });
      }
    }
  }

  return async (topic, request, response) => {
    const deadline = new AbortController();
    const late = Promise.withResolvers<void>();
    const timer = clock.setTimer(deadlineMs, () => {
      late.resolve();
      deadline.abort();
    });
    const work: Work = { signal: deadline.signal, late: late.promise, held: [] };
    if (await slots.take(deadline.signal)) {
      try {
        await receive(topic, request, response, work);
      } finally {
        // Beyond the answer, while the intake has something of it: else a log that hangs were given more and more.
        void Promise.all(work.held).then(slots.giveBack);
      }
    } else {
      endsConnection(response);
      replies.ok(response, NOT_NOW);
    }
    timer.cancel();
  };
}
