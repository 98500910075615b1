import type { Hono } from 'hono';
import type { PresenceRecord } from '../../ports/presence.ts';
import type { Outcome, RealtimeNode } from '../../runtime/node-api.ts';
import { readJsonBody } from './json-body.ts';
import type { ApiEnv, Replies } from './replies.ts';
import { param, resource } from './resource.ts';

/** How long a status set over HTTP holds unless it says otherwise. */
export const DEFAULT_STATUS_TTL_MS = 120_000;

/** The device that a status set over HTTP belongs to unless it says otherwise. */
export const DEFAULT_STATUS_DEVICE = 'http';

export type UserRouteOptions = {
  readonly node: RealtimeNode;
  readonly replies: Replies;
  readonly requestBytes: number;
};

/** A user, what others see of them, and what is kept about them. */
export function addUserRoutes(app: Hono<ApiEnv>, { node, replies, requestBytes }: UserRouteOptions): void {
  resource(app, '/v1/users/:user', replies, {
    PUT: async (context) => {
      const outcome = await node.createUser(param(context, 'user'));
      return replies.of(outcome, outcome.ok && outcome.value.created ? 201 : 200);
    },
    DELETE: async (context) => replies.of(await node.eraseUser(param(context, 'user'))),
  });

  resource(app, '/v1/users/:user/export', replies, {
    GET: async (context) => {
      const outcome = await node.exportUser(param(context, 'user'));
      if (!outcome.ok) return replies.of(outcome);
      const { presence, ...kept } = outcome.value;
      return replies.of({ ok: true, value: { ...kept, presence: visible(presence) } });
    },
  });

  resource(app, '/v1/users/:user/presence', replies, {
    GET: async (context) => replies.of(mapValue(await node.presenceOf(param(context, 'user')), visible)),
  });

  resource(app, '/v1/users/:user/status', replies, {
    PUT: async (context) => {
      const read = await readJsonBody(context.req.raw, requestBytes);
      if (!read.ok) return replies.fail(read.code, read.detail);
      const { device = DEFAULT_STATUS_DEVICE, ttlMs = DEFAULT_STATUS_TTL_MS } = read.body;
      if (typeof device !== 'string') return replies.fail('bad_message', 'device: expected a string');
      if (typeof ttlMs !== 'number') return replies.fail('bad_message', 'ttlMs: expected a whole number');
      const outcome = await node.setStatus(param(context, 'user'), device, read.body, ttlMs);
      return replies.of(
        mapValue(outcome, ({ s, fields }) => ({
          device,
          ttlMs,
          ...(s === undefined ? {} : { s }),
          ...fields,
        })),
      );
    },
    DELETE: async (context) => {
      const device = context.req.query('device') ?? DEFAULT_STATUS_DEVICE;
      return replies.of(await node.clearStatus(param(context, 'user'), device));
    },
  });
}

/** A user as the wire shows them. Versions stay inside: they would tell that somebody invisible does something. */
function visible({ user, s, fields, lastSeenMs }: PresenceRecord): object {
  return { user, s, ...fields, ...(lastSeenMs === null ? {} : { ts: lastSeenMs }) };
}

function mapValue<T, U>(outcome: Outcome<T>, change: (value: T) => U): Outcome<U> {
  return outcome.ok ? { ok: true, value: change(outcome.value) } : outcome;
}
