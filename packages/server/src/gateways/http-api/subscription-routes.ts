import { MAX_GRANT_LENGTH } from '@carillon/protocol';
import * as z from 'zod';
import { channelName, userId } from './channel-schemas.ts';
import { route } from './define-route.ts';
import { channel, user } from './parameters.ts';

/** How long a right to be subscribed lasts that is given over HTTP, unless the request says otherwise. */
export const DEFAULT_RIGHT_TTL_MS = 3_600_000;

const ttlMs = z
  .int()
  .min(1)
  .default(DEFAULT_RIGHT_TTL_MS)
  .meta({ description: 'How long the right lasts; at most `limits.grantMs`.' });

const role = z
  .enum(['read', 'comment', 'write'])
  .optional()
  .meta({ description: 'Of a document: what the user may do with it; `read` unless given.' });

/** Who is subscribed because the app says so, and the right to be. */
export const subscriptionRoutes = [
  route({
    id: 'subscribe',
    method: 'PUT',
    path: '/v1/users/{user}/subscriptions/{channel}',
    tag: 'Subscriptions',
    summary: 'Subscribes a user: all their sessions are invited, with a grant.',
    params: { user, channel },
    body: { schema: z.object({ ttlMs, role }), limit: 'requestBytes' },
    errors: ['channel_unknown', 'kind_mismatch', 'forbidden', 'unavailable'],
    batch: true,
    handle: (request, { node }) =>
      node.subscribeUser(request.user, request.channel, request.body.ttlMs, request.body.role),
  }),

  route({
    id: 'unsubscribe',
    method: 'DELETE',
    path: '/v1/users/{user}/subscriptions/{channel}',
    tag: 'Subscriptions',
    summary: "Ends the subscriptions of a user's sessions on a channel.",
    params: { user, channel },
    errors: ['channel_unknown', 'unavailable'],
    batch: true,
    handle: (request, { node }) => node.unsubscribeUser(request.user, request.channel),
  }),

  route({
    id: 'grant',
    method: 'POST',
    path: '/v1/users/{user}/grants',
    tag: 'Subscriptions',
    summary: 'Signs the right of a user to subscribe, for an app that hands it to the client itself.',
    params: { user },
    body: { schema: z.object({ channel: channelName, ttlMs, role }), limit: 'requestBytes' },
    answer: {
      about: 'The grant: what the client names in `sub` as `g`.',
      schema: z.object({ grant: z.string().min(1).max(MAX_GRANT_LENGTH), expiresAtMs: z.number() }),
    },
    errors: ['channel_invalid', 'channel_unknown', 'kind_mismatch', 'forbidden', 'unavailable'],
    batch: true,
    handle: (request, { node }) =>
      node.grant(request.user, request.body.channel, request.body.ttlMs, request.body.role),
  }),

  route({
    id: 'recheckRole',
    method: 'POST',
    path: '/v1/channels/{channel}/recheck',
    tag: 'Subscriptions',
    summary: 'What somebody may do with a document has changed: the rule is asked again, on every node.',
    description:
      'Answered once nobody has more than the rule said then; `unavailable` where it could not be asked about everybody, who keep what they have for `channels.roleKeptMs`. Roles that grants gave stay until those end.',
    params: { channel },
    body: {
      schema: z.object({
        user: userId.optional().meta({ description: 'Whose role; absent: of everybody in the document.' }),
      }),
      limit: 'requestBytes',
    },
    errors: ['channel_unknown', 'kind_mismatch', 'unavailable'],
    batch: true,
    handle: (request, { node }) => node.recheckRole(request.body.user ?? null, request.channel),
  }),

  route({
    id: 'ticket',
    method: 'POST',
    path: '/v1/tickets',
    tag: 'Subscriptions',
    summary: 'Signs a ticket: the right of whoever holds it to follow a channel by `GET /sse?ticket=…`.',
    body: { schema: z.object({ user: userId, channel: channelName, ttlMs }), limit: 'requestBytes' },
    answer: {
      about: 'The ticket, when it must have been used for the first time, and when it ends.',
      schema: z.object({
        ticket: z.string().min(1).max(MAX_GRANT_LENGTH),
        useByMs: z.number(),
        expiresAtMs: z.number(),
      }),
    },
    errors: [
      'user_id_invalid',
      'channel_invalid',
      'channel_unknown',
      'kind_mismatch',
      'forbidden',
      'unavailable',
    ],
    batch: true,
    handle: ({ body }, { node }) => node.tickets.issue(body.user, body.channel, body.ttlMs),
  }),
];
