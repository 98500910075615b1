import type { Context, Hono } from 'hono';
import type { Outcome, RealtimeNode } from '../../runtime/node-api.ts';
import type { ApiEnv, Replies } from './replies.ts';
import { param, resource } from './resource.ts';

type Edit = (user: string, other: string) => Promise<Outcome<{ readonly changed: boolean }>>;

/** Who follows whom, who blocked whom, who is close: one edge a request. */
export function addRosterRoutes(app: Hono<ApiEnv>, node: RealtimeNode, replies: Replies): void {
  const edit = (change: Edit) => async (context: Context<ApiEnv>) =>
    replies.of(await change(param(context, 'user'), param(context, 'other')));

  resource(app, '/v1/users/:user/follows/:other', replies, {
    PUT: edit((user, other) => node.follow(user, other)),
    DELETE: edit((user, other) => node.unfollow(user, other)),
  });
  resource(app, '/v1/users/:user/blocks/:other', replies, {
    PUT: edit((user, other) => node.block(user, other)),
    DELETE: edit((user, other) => node.unblock(user, other)),
  });
  resource(app, '/v1/users/:user/close/:other', replies, {
    PUT: edit((user, other) => node.setClose(user, other, true)),
    DELETE: edit((user, other) => node.setClose(user, other, false)),
  });
  resource(app, '/v1/users/:user/follows', replies, {
    GET: async (context) => {
      const outcome = await node.rosterOf(param(context, 'user'));
      return replies.of(outcome.ok ? { ok: true, value: { follows: outcome.value } } : outcome);
    },
  });
  resource(app, '/v1/users/:user/roster/refresh', replies, {
    POST: async (context) => replies.of(await node.refreshRoster(param(context, 'user'))),
  });
}
