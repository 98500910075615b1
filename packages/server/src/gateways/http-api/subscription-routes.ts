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

/** Who is subscribed because the app says so, and the right to be. */
export const subscriptionRoutes = [
  route({
    id: 'subscribe',
    method: 'PUT',
    path: '/v1/users/{user}/subscriptions/{channel}',
    tag: 'Subscriptions',
    summary: 'Subscribes a user: all their sessions are invited, with a grant.',
    params: { user, channel },
    body: { schema: z.object({ ttlMs }), limit: 'requestBytes' },
    errors: ['channel_unknown', 'forbidden', 'unavailable'],
    batch: true,
    handle: (request, { node }) => node.subscribeUser(request.user, request.channel, request.body.ttlMs),
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
    body: { schema: z.object({ channel: channelName, ttlMs }), limit: 'requestBytes' },
    answer: {
      about: 'The grant: what the client names in `sub` as `g`.',
      schema: z.object({ grant: z.string().min(1).max(MAX_GRANT_LENGTH), expiresAtMs: z.number() }),
    },
    errors: ['channel_invalid', 'channel_unknown', 'forbidden', 'unavailable'],
    batch: true,
    handle: (request, { node }) => node.grant(request.user, request.body.channel, request.body.ttlMs),
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
