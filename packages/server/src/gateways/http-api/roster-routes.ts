import * as z from 'zod';
import type { Outcome, RealtimeNode } from '../../runtime/node-api.ts';
import { userId } from './channel-schemas.ts';
import { route } from './define-route.ts';
import { otherUser, user } from './parameters.ts';
import type { Route } from './route.ts';

type Edit = (
  node: RealtimeNode,
  user: string,
  other: string,
) => Promise<Outcome<{ readonly changed: boolean }>>;

const changed = {
  about: 'Whether that changed anything.',
  schema: z.object({ changed: z.boolean() }),
};

/** One edge a request. */
function edge(
  id: string,
  method: 'PUT' | 'DELETE',
  kind: 'follows' | 'blocks' | 'close',
  summary: string,
  edit: Edit,
): Route {
  return route({
    id,
    method,
    path: `/v1/users/{user}/${kind}/{other}`,
    tag: 'Roster',
    summary,
    params: { user, other: otherUser },
    answer: changed,
    errors: ['user_unknown', 'self_follow', 'roster_external', 'limit_reached', 'unavailable'],
    handle: (request, { node }) => edit(node, request.user, request.other),
  });
}

/** Who follows whom, who blocked whom, who is close. */
export const rosterRoutes = [
  edge('follow', 'PUT', 'follows', 'User sees other from now on.', (node, a, b) => node.follow(a, b)),
  edge('unfollow', 'DELETE', 'follows', 'User sees other no more.', (node, a, b) => node.unfollow(a, b)),

  route({
    id: 'follows',
    method: 'GET',
    path: '/v1/users/{user}/follows',
    tag: 'Roster',
    summary: 'Whom a user sees; who blocked them is left out.',
    params: { user },
    answer: { about: 'The users.', schema: z.object({ follows: z.array(userId) }) },
    errors: ['user_unknown', 'unavailable'],
    async handle(request, { node }) {
      const outcome = await node.rosterOf(request.user);
      return outcome.ok ? { ok: true, value: { follows: [...outcome.value] } } : outcome;
    },
  }),

  edge('block', 'PUT', 'blocks', 'Other sees nothing of user, whatever they follow.', (node, a, b) =>
    node.block(a, b),
  ),
  edge('unblock', 'DELETE', 'blocks', 'Other sees user again.', (node, a, b) => node.unblock(a, b)),
  edge('setClose', 'PUT', 'close', 'User counts other among their close friends.', (node, a, b) =>
    node.setClose(a, b, true),
  ),
  edge('unsetClose', 'DELETE', 'close', 'User does so no more.', (node, a, b) => node.setClose(a, b, false)),

  route({
    id: 'refreshRoster',
    method: 'POST',
    path: '/v1/users/{user}/roster/refresh',
    tag: 'Roster',
    summary: 'Reads the roster anew from the `followsOf` hook.',
    params: { user },
    errors: ['user_unknown', 'unavailable'],
    handle: (request, { node }) => node.refreshRoster(request.user),
  }),
];
