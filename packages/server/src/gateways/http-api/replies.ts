import { type ErrorCode, ERRORS } from '@carillon/protocol';
import type { HttpBindings } from '@hono/node-server';
import type { Outcome, Particulars } from '../../runtime/node-api.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** What every handler of the HTTP API finds in its context: the request's socket among it. */
export type ApiEnv = { Bindings: HttpBindings };

/** When a request that may succeed later should be repeated, unless the refusal knows better. */
const RETRY_AFTER_MS = 1_000;

/** A refusal as programs read it: the `error` of an answer's body. */
export type ErrorBody = Particulars & { readonly code: ErrorCode; readonly message: string };

export type Refusal = Extract<Outcome<never>, { readonly ok: false }>;

const JSON_TEXT = Symbol('JSON text');

/** A value that is JSON text already: payloads are encoded once, when they are taken. */
export type Encoded = { readonly [JSON_TEXT]: string };

export function encoded(text: string): Encoded {
  return { [JSON_TEXT]: text };
}

/** The JSON text of a value, made here unless it was made before. */
export function jsonText(value: unknown): string {
  return typeof value === 'object' && value !== null && JSON_TEXT in value
    ? (value as Encoded)[JSON_TEXT]
    : JSON.stringify(value);
}

export type Replies = {
  /** An error of the catalogue, with its status and advice. `detail` says what was wrong with this very request. */
  fail(code: ErrorCode, detail?: string, headers?: Readonly<Record<string, string>>): Response;
  /** What a node answered: the value as JSON, nothing as 204, or its error. */
  of<T>(outcome: Outcome<T>, status?: 200 | 201): Response;
  /** The body of a refusal that is one of several in an answer; counted like every other. */
  errorOf(refusal: Refusal): ErrorBody;
};

export function createReplies(telemetry: Pick<Telemetry, 'error'>): Replies {
  function errorOf({ code, detail, particulars }: Refusal): ErrorBody {
    telemetry.error(code);
    const { retry, help } = ERRORS[code];
    return {
      code,
      message: detail === '' ? help : `${detail}. ${help}`,
      ...particulars,
      ...(retry ? { retryAfterMs: particulars?.retryAfterMs ?? RETRY_AFTER_MS } : {}),
    };
  }

  function refuse(refusal: Refusal, headers: Readonly<Record<string, string>> = {}): Response {
    const error = errorOf(refusal);
    const { retryAfterMs } = error;
    // The header counts whole seconds (RFC 9110, section 10.2.3): too late is right, too early is not.
    const wait = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) };
    return json({ error }, ERRORS[refusal.code].http, { ...headers, ...wait });
  }

  return {
    errorOf,
    fail: (code, detail = '', headers) => refuse({ ok: false, code, detail }, headers),
    of(outcome, status = 200) {
      if (!outcome.ok) return refuse(outcome);
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
  return new Response(jsonText(body), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  });
}
