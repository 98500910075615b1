import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import type { Secrets } from '../../ports/secrets.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { createApiKeyCheck } from './api-key.ts';
import { type Development, addDevRoutes } from './dev-routes.ts';
import { createTakeEvents, type TakeEventsOptions } from './event-routes.ts';
import { createImport } from './import-route.ts';
import { openApiDocument } from './openapi/document.ts';
import { rawPath } from './paths.ts';
import { registerRoutes } from './register-routes.ts';
import { type ApiEnv, createReplies, type Replies } from './replies.ts';
import type { BodyLimits, Operations } from './route.ts';
import { apiRoutes } from './routes.ts';

export type HttpApiOptions = {
  readonly node: RealtimeNode;
  readonly operations: Operations;
  readonly secrets: Pick<Secrets, 'id'>;
  readonly telemetry: Pick<Telemetry, 'error' | 'warn'>;
  /** null: the API answers nobody. */
  readonly apiKey: string | null;
  readonly corsOrigins: readonly string[];
  /** Beside those of JSON bodies the largest import, unpacked. */
  readonly limits: BodyLimits & { readonly importBytes: number } & TakeEventsOptions['limits'];
  /** Only `carillon dev` has it. */
  readonly development: Development | null;
};

export type HttpListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** Every resource the server has over plain HTTP: those of the table, and in development a few more. */
export function createHttpApp(options: HttpApiOptions, replies: Replies): Hono<ApiEnv> {
  const { node, operations, secrets, telemetry, limits, development } = options;
  const hasApiKey = createApiKeyCheck(options.apiKey);
  const app = new Hono<ApiEnv>({ getPath: (_request, given) => rawPath(given?.env?.incoming ?? {}) });

  if (options.corsOrigins.length > 0) app.use('/v1/*', cors({ origin: [...options.corsOrigins] }));
  // Before the routes, so that nobody without the key learns which there are.
  app.use('/v1/*', async (context, next) => {
    if (context.req.method === 'OPTIONS' || hasApiKey(context.req.header('authorization'))) return next();
    const detail =
      options.apiKey === null ? 'no API key is configured, so the API answers nobody' : undefined;
    return replies.fail('unauthorized', detail, { 'www-authenticate': 'Bearer' });
  });

  let openApi: string | undefined;
  registerRoutes(app, apiRoutes, {
    node,
    replies,
    operations,
    hasApiKey,
    apiKeyConfigured: options.apiKey !== null,
    limits,
    takeEvents: createTakeEvents({ node, replies, id: () => secrets.id(), limits }),
    importEdges: createImport({ node, replies, importBytes: limits.importBytes }),
    openApiText: () => (openApi ??= JSON.stringify(openApiDocument(apiRoutes))),
  });
  if (development !== null)
    addDevRoutes(app, { node, replies, development, requestBytes: limits.requestBytes });

  app.notFound(() => replies.fail('not_found'));
  app.onError((error) => {
    const request = secrets.id();
    telemetry.warn('request_failed', { request, error: error.stack ?? error.message });
    return replies.fail('internal', undefined, { 'x-request-id': request });
  });

  return app;
}

/** What the HTTP server calls for each request that is no upgrade. */
export function createHttpApi(options: HttpApiOptions): HttpListener {
  const { telemetry } = options;
  const replies = createReplies(telemetry);
  const app = createHttpApp(options, replies);
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    // Other libraries in the process keep the global Request and Response they know.
    overrideGlobalObjects: false,
    errorHandler: (error) => {
      telemetry.warn('request_failed', { error: String(error) });
      return replies.fail('bad_message', 'the request is not HTTP that this server understands');
    },
  });
  return (incoming, outgoing) => void listener(incoming, outgoing);
}
