import * as z from 'zod';
import { isStoreUnavailable } from '../../ports/unavailable.ts';
import { isLocalCaller } from './caller.ts';
import { rawRoute } from './define-route.ts';
import { json } from './replies.ts';

const JSON_TYPE = 'application/json';
const alive = z.object({ alive: z.boolean() });
const ready = z.object({ ready: z.boolean(), reason: z.string() });

/** What the operator's tools ask. */
export const opsRoutes = [
  rawRoute({
    id: 'health',
    method: 'GET',
    path: '/health',
    tag: 'Operations',
    access: 'anybody',
    summary: 'Whether the process lives.',
    answers: [
      { status: 200, about: 'It does.', schema: alive, contentType: JSON_TYPE },
      {
        status: 503,
        about: 'It can never store anything again, and must be started anew.',
        schema: alive,
        contentType: JSON_TYPE,
      },
    ],
    serve(_context, { operations }) {
      const lives = operations.alive();
      return json({ alive: lives }, lives ? 200 : 503);
    },
  }),

  rawRoute({
    id: 'ready',
    method: 'GET',
    path: '/ready',
    tag: 'Operations',
    access: 'anybody',
    summary: 'Whether the server can serve.',
    answers: [
      { status: 200, about: 'It can.', schema: ready, contentType: JSON_TYPE },
      { status: 503, about: 'It cannot at the moment.', schema: ready, contentType: JSON_TYPE },
    ],
    async serve(_context, { operations }) {
      const state = await operations.readiness();
      return json({ ready: state.ready, reason: state.reason }, state.ready ? 200 : 503);
    },
  }),

  rawRoute({
    id: 'metrics',
    method: 'GET',
    path: '/metrics',
    tag: 'Operations',
    access: 'operator',
    summary: 'Everything measured, in the Prometheus text format.',
    answers: [{ status: 200, about: 'The metrics.', schema: null, contentType: 'text/plain' }],
    errors: ['unavailable'],
    async serve(context, { operations, apiKeyConfigured, hasApiKey, replies }) {
      // Where there is a key, loopback is no reason: it is where a proxy on this machine asks from, for anybody.
      const allowed = apiKeyConfigured
        ? hasApiKey(context.req.header('authorization'))
        : isLocalCaller(context.env.incoming);
      if (!allowed) return replies.fail('unauthorized', undefined, { 'www-authenticate': 'Bearer' });
      try {
        const { contentType, text } = await operations.metrics();
        return new Response(text, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } });
      } catch (error) {
        if (!isStoreUnavailable(error)) throw error;
        return replies.fail('unavailable', error.message);
      }
    },
  }),

  rawRoute({
    id: 'openApi',
    method: 'GET',
    path: '/v1/openapi.json',
    tag: 'Operations',
    access: 'key',
    summary: 'This document.',
    answers: [
      { status: 200, about: 'An OpenAPI 3.1 document.', schema: z.looseObject({}), contentType: JSON_TYPE },
    ],
    serve: (_context, { openApiText }) =>
      new Response(openApiText(), {
        headers: { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff' },
      }),
  }),
];
