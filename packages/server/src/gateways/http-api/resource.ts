import type { Context, Handler, Hono } from 'hono';
import type { ApiEnv, Replies } from './replies.ts';

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';
export type Methods = Partial<Record<Method, Handler<ApiEnv>>>;

/** A handler's view of one path parameter that its route is known to have, decoded once. */
export function param(context: Context<ApiEnv>, name: string): string {
  return context.req.param(name) ?? '';
}

/** Adds a resource: its methods, an answer to OPTIONS, and a refusal of every other method that names these. */
export function resource(app: Hono<ApiEnv>, path: string, replies: Replies, methods: Methods): void {
  const names = Object.keys(methods);
  const allow = [...names, ...(names.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  for (const [method, handler] of Object.entries(methods)) app.on(method, path, handler);
  app.options(path, () => new Response(null, { status: 204, headers: { allow } }));
  app.all(path, (context) =>
    replies.fail('method_not_allowed', `${context.req.method} is not among ${allow}`, { allow }),
  );
}
