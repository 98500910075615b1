import { MAX_DEVICE_LENGTH, STATUSES } from '@carillon/protocol';
import * as z from 'zod';
import { userId } from './channel-schemas.ts';
import { route } from './define-route.ts';
import { user } from './parameters.ts';
import { visible, visibleRecord } from './visible-record.ts';

/** How long a status set over HTTP holds unless it says otherwise. */
export const DEFAULT_STATUS_TTL_MS = 120_000;

/** The device that a status set over HTTP belongs to unless it says otherwise. */
export const DEFAULT_STATUS_DEVICE = 'http';

const device = z
  .string()
  .max(MAX_DEVICE_LENGTH)
  .default(DEFAULT_STATUS_DEVICE)
  .meta({ description: 'Which device says so: one that no connection holds.' });

const status = {
  s: z.enum(STATUSES).optional().meta({ description: 'Status.' }),
  device,
  ttlMs: z
    .int()
    .default(DEFAULT_STATUS_TTL_MS)
    .meta({ description: 'How long it holds; at most `limits.statusTtlMs`.' }),
};

const users = z.array(userId);

const userExport = z.object({
  user: userId,
  lastSeenMs: z.number().nullable(),
  follows: users,
  followers: users,
  blocks: users,
  blockedBy: users,
  close: users,
  devices: z.record(
    z.string(),
    z.object({
      s: z.enum(STATUSES),
      fields: z.record(z.string(), z.string()),
      changedAt: z.number().meta({ description: 'Microseconds since 1970.' }),
    }),
  ),
  sessions: z.int().min(0),
  presence: visibleRecord,
});

/** A user, and what is kept about them. */
export const userRoutes = [
  route({
    id: 'createUser',
    method: 'PUT',
    path: '/v1/users/{user}',
    tag: 'Users',
    summary: 'Makes a user known; a login does the same.',
    params: { user },
    answer: { about: 'The user was known.', schema: z.object({ created: z.boolean() }) },
    created: ({ created }) => created,
    errors: ['unavailable'],
    handle: (request, { node }) => node.createUser(request.user),
  }),

  route({
    id: 'eraseUser',
    method: 'DELETE',
    path: '/v1/users/{user}',
    tag: 'Users',
    summary: 'Erases a user: ends their sessions, and forgets presence, edges, blocks and last seen.',
    params: { user },
    errors: ['user_unknown', 'unavailable'],
    handle: (request, { node }) => node.eraseUser(request.user),
  }),

  route({
    id: 'exportUser',
    method: 'GET',
    path: '/v1/users/{user}/export',
    tag: 'Users',
    summary: 'Everything that is kept about a user.',
    params: { user },
    answer: { about: 'The export.', schema: userExport },
    errors: ['user_unknown', 'unavailable'],
    async handle(request, { node }) {
      const outcome = await node.exportUser(request.user);
      if (!outcome.ok) return outcome;
      const { presence, follows, followers, blocks, blockedBy, close, devices, ...kept } = outcome.value;
      return {
        ok: true,
        value: {
          ...kept,
          follows: [...follows],
          followers: [...followers],
          blocks: [...blocks],
          blockedBy: [...blockedBy],
          close: [...close],
          devices: { ...devices },
          presence: visible(presence),
        },
      };
    },
  }),

  route({
    id: 'setStatus',
    method: 'PUT',
    path: '/v1/users/{user}/status',
    tag: 'Users',
    summary: 'Sets the status of a device that no connection holds.',
    description:
      'Only what is named is changed; an empty presence field clears it. Setting it again renews it.',
    params: { user },
    body: { schema: z.looseObject(status), limit: 'requestBytes' },
    answer: {
      about: 'What was set.',
      schema: z.looseObject({ device: z.string(), ttlMs: z.int(), s: z.enum(STATUSES).optional() }),
    },
    errors: ['user_unknown', 'limit_reached', 'unavailable'],
    async handle(request, { node }) {
      const { body } = request;
      const outcome = await node.setStatus(request.user, body.device, body, body.ttlMs);
      if (!outcome.ok) return outcome;
      const { s, fields } = outcome.value;
      const set = { device: body.device, ttlMs: body.ttlMs, ...(s === undefined ? {} : { s }), ...fields };
      return { ok: true, value: set };
    },
  }),

  route({
    id: 'clearStatus',
    method: 'DELETE',
    path: '/v1/users/{user}/status',
    tag: 'Users',
    summary: 'Takes such a status away.',
    params: { user },
    query: { device },
    errors: ['unavailable'],
    handle: (request, { node }) => node.clearStatus(request.user, request.query.device),
  }),
];
