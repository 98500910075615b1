import * as z from 'zod';
import type { SessionInfo } from '../../runtime/channels/channels-api.ts';
import { channelName, userId } from './channel-schemas.ts';
import { route } from './define-route.ts';
import { session, user } from './parameters.ts';

const sessionInfo = z
  .object({
    session: z.string(),
    user: userId,
    device: z.string(),
    connected: z.boolean().meta({ description: 'False: it waits for its client, within the grace.' }),
    channels: z.array(channelName).meta({ description: 'What it is subscribed to.' }),
  })
  .meta({ id: 'Session' });

/** Who is connected, and the end of it. */
export const sessionRoutes = [
  route({
    id: 'sessionsOf',
    method: 'GET',
    path: '/v1/users/{user}/sessions',
    tag: 'Sessions',
    summary: "A user's sessions.",
    params: { user },
    answer: { about: 'The sessions.', schema: z.object({ sessions: z.array(sessionInfo) }) },
    errors: ['unavailable'],
    async handle(request, { node }) {
      const outcome = await node.sessionsOf(request.user);
      return outcome.ok ? { ok: true, value: { sessions: outcome.value.map(written) } } : outcome;
    },
  }),

  route({
    id: 'session',
    method: 'GET',
    path: '/v1/sessions/{session}',
    tag: 'Sessions',
    summary: 'One session.',
    params: { session },
    answer: { about: 'The session.', schema: sessionInfo },
    errors: ['unavailable'],
    async handle(request, { node }) {
      const outcome = await node.session(request.session);
      return outcome.ok ? { ok: true, value: written(outcome.value) } : outcome;
    },
  }),

  route({
    id: 'disconnect',
    method: 'POST',
    path: '/v1/users/{user}/disconnect',
    tag: 'Sessions',
    summary: "Ends a user's connections, or that of one session. The sessions can be resumed.",
    params: { user },
    body: {
      schema: z.object({
        session: z.string().min(1).max(64).optional().meta({ description: 'Only this one.' }),
      }),
      limit: 'requestBytes',
    },
    answer: {
      about: 'How many connections were ended.',
      schema: z.object({ disconnected: z.int().min(0) }),
    },
    errors: ['unavailable'],
    batch: true,
    handle: (request, { node }) => node.disconnect(request.user, request.body.session),
  }),

  route({
    id: 'revoke',
    method: 'POST',
    path: '/v1/users/{user}/revoke',
    tag: 'Sessions',
    summary:
      'Refuses the login tokens a user was issued up to now, or one of them, and ends the sessions they opened.',
    params: { user },
    body: {
      schema: z.object({
        tokenId: z
          .string()
          .min(1)
          .max(255)
          .optional()
          .meta({ description: 'Only the token with this `jti`.' }),
      }),
      limit: 'requestBytes',
    },
    errors: ['unavailable'],
    batch: true,
    handle(request, { node }) {
      const { tokenId } = request.body;
      return node.revoke(tokenId === undefined ? { user: request.user } : { user: request.user, tokenId });
    },
  }),
];

function written({ session: id, channels, ...info }: SessionInfo): z.input<typeof sessionInfo> {
  return {
    session: id,
    user: info.user,
    device: info.device,
    connected: info.connected,
    channels: [...channels],
  };
}
