import { type ErrorCode, ERRORS } from '@carillon/protocol';
import type { HttpBindings } from '@hono/node-server';
import type { Outcome } from '../../runtime/node-api.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** What every handler of the HTTP API finds in its context: the request's socket among it. */
export type ApiEnv = { Bindings: HttpBindings };

/** When a request that may succeed later should be repeated, unless the refusal knows better. */
const RETRY_AFTER_MS = 1_000;

export type Replies = {
  /** An error of the catalogue, with its status and advice. `detail` says what was wrong with this very request. */
  fail(code: ErrorCode, detail?: string, headers?: Readonly<Record<string, string>>): Response;
  /** What a node answered: the value as JSON, nothing as 204, or its error. */
  of<T>(outcome: Outcome<T>, status?: 200 | 201): Response;
};

export function createReplies(telemetry: Pick<Telemetry, 'error'>): Replies {
  function fail(code: ErrorCode, detail?: string, headers: Readonly<Record<string, string>> = {}): Response {
    telemetry.error(code);
    const { http, retry, help } = ERRORS[code];
    const message = detail === undefined ? help : `${detail}. ${help}`;
    const body = { error: { code, message, ...(retry ? { retryAfterMs: RETRY_AFTER_MS } : {}) } };
    return json(body, http, retry ? { ...headers, 'retry-after': String(RETRY_AFTER_MS / 1000) } : headers);
  }
  return {
    fail,
    of(outcome, status = 200) {
      if (!outcome.ok) return fail(outcome.code, outcome.detail);
      return outcome.value === undefined ? new Response(null, { status: 204 }) : json(outcome.value, status);
    },
  };
}

/** Answers are about people and change by the second: no cache may keep them. */
export function json(
  body: unknown,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  });
}
