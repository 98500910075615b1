import type { Hono } from 'hono';
import type { ApiEnv } from './replies.ts';
import { type Methods, resource } from './resource.ts';
import type { Route, Services } from './route.ts';

/** Makes routes answer: each resource its methods, and what it says to all others. */
export function registerRoutes(app: Hono<ApiEnv>, routes: readonly Route[], services: Services): void {
  const resources = Map.groupBy(routes, ({ path }) => path);
  for (const [path, ofPath] of resources) {
    const methods: Methods = Object.fromEntries(
      ofPath.map(({ method, serve }) => [method, (context) => serve(context, services)]),
    );
    resource(app, path.replaceAll(/\{(\w+)\}/g, ':$1'), services.replies, methods);
  }
}
