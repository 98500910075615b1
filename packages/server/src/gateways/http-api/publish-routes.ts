import { MAX_EPOCH_LENGTH, MAX_KEY_LENGTH, MAX_NAME_LENGTH } from '@carillon/protocol';
import * as z from 'zod';
import { published, ref } from './channel-schemas.ts';
import { route } from './define-route.ts';
import { channel, idempotencyKey, publicationId } from './parameters.ts';

const whole = z.int().min(0);

const publication = z
  .object({
    data: z
      .unknown()
      .optional()
      .meta({ description: "The payload, checked against the contract's schema. Absent only with `del`." }),
    key: z
      .string()
      .min(1)
      .max(MAX_KEY_LENGTH)
      .optional()
      .meta({ description: 'Of a map: the key. Of a signal: what conflates with what.' }),
    del: z.boolean().optional().meta({ description: 'Of a map: deletes the key.' }),
    version: whole
      .optional()
      .meta({ description: 'Of a map: one that is not higher than what is there is dropped (`outdated`).' }),
    ttlMs: whole.optional().meta({ description: 'Of a map: the key is deleted after so long.' }),
    id: publicationId
      .optional()
      .meta({ description: 'Idempotency id: the same id publishes once, within five minutes at least.' }),
    ref: ref.optional(),
    expect: z
      .object({ epoch: z.string().min(1).max(MAX_EPOCH_LENGTH), offset: whole })
      .optional()
      .meta({
        description: 'Published only if this is the top of the channel; otherwise `conflict`, with the top.',
      }),
  })
  .meta({ id: 'Publish' });

/** Publishing, and messages to everyone. */
export const publishRoutes = [
  route({
    id: 'publish',
    method: 'POST',
    path: '/v1/channels/{channel}/publications',
    tag: 'Channels',
    summary: 'Publishes on a channel.',
    description:
      'Answered when the publication is kept at the level that the contract declares for the channel: `stored` once it is synced to disk.',
    params: { channel },
    headers: {
      'idempotency-key': idempotencyKey,
    },
    body: { schema: publication, limit: 'publicationBytes' },
    answer: { about: 'The position that it got.', schema: published },
    errors: [
      'channel_unknown',
      'kind_mismatch',
      'payload_invalid',
      'conflict',
      'id_reused',
      'limit_reached',
      'rate_limited',
      'unavailable',
    ],
    batch: true,
    async handle({ channel: name, headers, body }, { node }) {
      const header = headers['idempotency-key'];
      if (header !== undefined && body.id !== undefined && header !== body.id)
        return { ok: false, code: 'bad_message', detail: 'id: differs from the header Idempotency-Key' };
      if ((body.data === undefined) === (body.del !== true))
        return { ok: false, code: 'bad_message', detail: 'data: expected a payload, or del and no payload' };
      const outcome = await node.publish({ channel: name, ...body, id: body.id ?? header });
      if (!outcome.ok) return outcome;
      const { epoch, offset, duplicate, outdated } = outcome.value;
      // A signal is kept nowhere and has no position.
      return { ok: true, value: { ...(epoch === '' ? {} : { epoch, offset }), duplicate, outdated } };
    },
  }),

  route({
    id: 'broadcast',
    method: 'POST',
    path: '/v1/broadcast',
    tag: 'Calls',
    summary: 'Sends a message to everyone who is connected.',
    body: {
      schema: z.object({
        name: z.string().min(1).max(MAX_NAME_LENGTH).meta({ description: 'As the contract declares it.' }),
        data: z.unknown().optional().meta({ description: 'The payload.' }),
      }),
      limit: 'publicationBytes',
    },
    errors: ['channel_unknown', 'payload_invalid', 'unavailable'],
    batch: true,
    handle: ({ body }, { node }) => node.broadcast(body.name, body.data),
  }),
];
