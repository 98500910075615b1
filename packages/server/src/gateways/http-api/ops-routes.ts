import type { Hono } from 'hono';
import type { ApiKeyCheck } from './api-key.ts';
import { isLocalCaller } from './caller.ts';
import { type ApiEnv, json, type Replies } from './replies.ts';
import { resource } from './resource.ts';

/** What the operator's endpoints ask of the server. */
export type Operations = {
  /** Whether this process can ever serve again; false: only a new one helps. */
  alive(): boolean;
  /** Whether this server can serve, and if not why not. Never rejects. */
  readiness(): Promise<{ readonly ready: boolean; readonly reason: string }>;
  /** Everything measured, in the Prometheus text format. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
};

export type OpsRouteOptions = {
  readonly operations: Operations;
  readonly replies: Replies;
  readonly hasApiKey: ApiKeyCheck;
  /** Whether there is a key to have. Without one only this machine may read the metrics. */
  readonly apiKeyConfigured: boolean;
};

export function addOpsRoutes(
  app: Hono<ApiEnv>,
  { operations, replies, hasApiKey, apiKeyConfigured }: OpsRouteOptions,
): void {
  resource(app, '/health', replies, {
    GET: () => {
      const alive = operations.alive();
      return json({ alive }, alive ? 200 : 503);
    },
  });

  resource(app, '/ready', replies, {
    GET: async () => {
      const { ready, reason } = await operations.readiness();
      return json({ ready, reason }, ready ? 200 : 503);
    },
  });

  resource(app, '/metrics', replies, {
    GET: async (context) => {
      // Where there is a key, loopback is no reason: it is where a proxy on this machine asks from, for anybody.
      const allowed = apiKeyConfigured
        ? hasApiKey(context.req.header('authorization'))
        : isLocalCaller(context.env.incoming);
      if (!allowed) {
        return replies.fail('unauthorized', undefined, { 'www-authenticate': 'Bearer' });
      }
      const { contentType, text } = await operations.metrics();
      return new Response(text, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } });
    },
  });
}
