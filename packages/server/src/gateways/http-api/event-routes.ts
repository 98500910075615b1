import type { Context } from 'hono';
import * as z from 'zod';
import type { Verdict } from '../../ports/source.ts';
import type { Outcome, RealtimeNode } from '../../runtime/node-api.ts';
import { rawRoute } from './define-route.ts';
import { type EventResult, eventResult, eventsBody, topicName } from './event-schemas.ts';
import { type EventLimits, type ReadEvent, readEvents } from './read-events.ts';
import { type ApiEnv, json, type Replies } from './replies.ts';
import type { Route } from './route.ts';

/** Events of other systems, from whoever has no broker. */
export const eventRoutes: readonly Route[] = [
  rawRoute({
    id: 'takeEvents',
    method: 'POST',
    path: '/v1/events',
    tag: 'Feeds',
    access: 'key',
    summary: 'Takes events in, as `feeds` of the configuration maps them.',
    description:
      "The app's own form (`application/json`), or CloudEvents 1.0: one (`application/cloudevents+json`, or in binary form with `ce-…` headers) or several (`application/cloudevents-batch+json`). Events of one request are kept in their order on each channel, and each has a result of its own. Of CloudEvents that are `unavailable` the whole request is refused: what was kept of it is known again.",
    query: {
      topic: topicName.optional().meta({
        description:
          'The topic of events that name none; of CloudEvents, of all of them, else of those without the extension `topic`.',
      }),
    },
    body: {
      schema: eventsBody,
      contentTypes: [
        'application/json',
        'application/cloudevents+json',
        'application/cloudevents-batch+json',
      ],
      limit: 'eventsBytes',
    },
    answers: [
      {
        status: 200,
        about: 'One result for each event, in their order.',
        schema: z.object({ results: z.array(eventResult) }),
        contentType: 'application/json',
      },
    ],
    errors: ['rate_limited', 'unavailable'],
    serve: (context, { takeEvents }) => takeEvents(context),
  }),
];

export type TakeEventsOptions = {
  readonly node: Pick<RealtimeNode, 'intake'>;
  readonly replies: Replies;
  /** Unique for all practical purposes. */
  id(): string;
  readonly limits: EventLimits & {
    /** Events that may be without a verdict, of all requests together. */
    readonly eventsInFlight: number;
    /** What has no verdict after so long is `unavailable`. */
    readonly eventsWaitMs: number;
  };
};

/** When a request that found too many events under way may be repeated, ms. */
const CROWDED_RETRY_MS = 1_000;

/** Takes the events of a request, and answers what became of each. */
export function createTakeEvents({
  node,
  replies,
  id,
  limits,
}: TakeEventsOptions): (context: Context<ApiEnv>) => Promise<Response> {
  const { eventsInFlight, eventsWaitMs } = limits;
  let underWay = 0;

  function refuse(refusal: Extract<Outcome<never>, { readonly ok: false }>): Response {
    return replies.of(refusal);
  }

  async function take(event: ReadEvent, signal: AbortSignal): Promise<EventResult> {
    if ('misfit' in event) return { result: 'refused', code: 'event_unreadable', detail: event.misfit };
    return resultOf(await node.intake.take(event, signal));
  }

  return async (context) => {
    const read = await readEvents(context, context.req.query('topic'), id(), limits);
    if (!read.ok) return refuse(read);
    const { events, areCloudEvents } = read.value;
    // Alone a request may have as many as it may: it would find no better time.
    if (underWay > 0 && underWay + events.length > eventsInFlight)
      return refuse({
        ok: false,
        code: 'rate_limited',
        detail: `${underWay} events wait to be kept`,
        particulars: { retryAfterMs: CROWDED_RETRY_MS },
      });
    underWay += events.length;
    try {
      const signal = AbortSignal.timeout(eventsWaitMs);
      const results = await Promise.all(events.map((event) => take(event, signal)));
      const late = results.find((each) => each.result === 'unavailable');
      if (areCloudEvents && late !== undefined)
        return refuse({
          ok: false,
          code: 'unavailable',
          detail: late.detail,
          particulars: { retryAfterMs: late.retryAfterMs },
        });
      return json({ results }, 200);
    } finally {
      underWay -= events.length;
    }
  };
}

function resultOf(verdict: Verdict): EventResult {
  if (verdict.result !== 'poison') return verdict;
  return { result: 'refused', code: verdict.code, detail: verdict.detail };
}
