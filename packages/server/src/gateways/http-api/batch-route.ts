import * as z from 'zod';
import type { Outcome } from '../../runtime/node-api.ts';
import { rawRoute } from './define-route.ts';
import { errorBody } from './error-schema.ts';
import { misfitDetail } from './json-misfit.ts';
import { readBody } from './read-request.ts';
import { encoded, jsonText } from './replies.ts';
import type { BatchItem, Route, Services } from './route.ts';

/** Requests of one batch: what is published by them waits in memory until the last of them is carried out. */
export const MAX_BATCH_REQUESTS = 100;

type Item = Readonly<Record<string, unknown>>;

/** What any batch must look like. Each request is then read by itself, so that one that does not fit spoils no other. */
const anyBatch = z.object({ requests: z.array(z.unknown()).min(1).max(MAX_BATCH_REQUESTS) });

/** Several requests in one, each answered by itself. */
export function batchRoute(routes: readonly Route[]): Route {
  const items: ReadonlyMap<string, BatchItem> = new Map(
    routes.flatMap(({ id, batch }) => (batch === null ? [] : [[id, batch] as const])),
  );
  const [first, ...rest] = [...items.values()].map(({ schema }) => schema);
  const answers = [...items.values()].flatMap(({ answer }) => (answer === null ? [] : [answer]));
  const methods = [...items.keys()].join(', ');
  if (first === undefined) throw new Error('there is no route that can be one of a batch');

  async function carryOut(given: unknown, services: Services): Promise<Outcome<unknown>> {
    const method = methodOf(given);
    const item = items.get(method ?? '');
    if (item === undefined)
      return { ok: false, code: 'bad_message', detail: `method: expected one of ${methods}` };
    const read = item.schema.safeParse(given);
    if (!read.success) return { ok: false, code: 'bad_message', detail: misfitDetail(read.error) };
    return item.run(read.data, services);
  }

  return rawRoute({
    id: 'batch',
    method: 'POST',
    path: '/v1/batch',
    tag: 'Channels',
    access: 'key',
    summary: 'Several requests in one.',
    description:
      'Each is carried out and answered by itself, whatever becomes of the others. Requests about one channel are carried out in their order, and so are those about one user that name no channel; the others at the same time.',
    body: {
      schema: z.object({
        requests: z
          .array(z.union([first, ...rest]))
          .min(1)
          .max(MAX_BATCH_REQUESTS),
      }),
      contentTypes: ['application/json'],
      limit: 'batchBytes',
    },
    answers: [
      {
        status: 200,
        about: 'One result for each request, in their order.',
        schema: z.object({
          results: z.array(
            z.union([
              z.object({
                ok: z.literal(true),
                result: z.union(answers).optional().meta({
                  description: 'What the request alone is answered with; absent where that is 204.',
                }),
              }),
              z.object({ ok: z.literal(false), error: errorBody }),
            ]),
          ),
        }),
        contentType: 'application/json',
      },
    ],
    async serve(context, services) {
      const { replies, limits } = services;
      const read = await readBody(context, anyBatch, limits.batchBytes);
      if (!read.ok) return replies.of(read);
      const outcomes = await inLanes(read.value.requests, (each) => carryOut(each, services));
      const results = outcomes.map((outcome) => {
        if (!outcome.ok) return JSON.stringify({ ok: false, error: replies.errorOf(outcome) });
        return outcome.value === undefined
          ? '{"ok":true}'
          : `{"ok":true,"result":${jsonText(outcome.value)}}`;
      });
      return replies.of({ ok: true, value: encoded(`{"results":[${results.join(',')}]}`) });
    },
  });
}

function methodOf(given: unknown): string | null {
  const method = isObject(given) ? given['method'] : undefined;
  return typeof method === 'string' ? method : null;
}

function isObject(value: unknown): value is Item {
  return typeof value === 'object' && value !== null;
}

/** Carries items out, those of one lane one after the other. The results are in the order of the items. */
async function inLanes<T>(
  items: readonly unknown[],
  carryOut: (item: unknown) => Promise<T>,
): Promise<readonly T[]> {
  const tails = new Map<string, Promise<unknown>>();
  return Promise.all(
    items.map((item) => {
      const lane = laneOf(item);
      const running = (tails.get(lane) ?? Promise.resolve()).then(() => carryOut(item));
      tails.set(lane, running);
      return running;
    }),
  );
}

/** What a request must not overtake others about: its channel, else its user. */
function laneOf(given: unknown): string {
  if (!isObject(given)) return '';
  const { channel, user } = given;
  if (typeof channel === 'string') return `channel ${channel}`;
  return typeof user === 'string' ? `user ${user}` : '';
}
