import type { SendResult, SyncToken } from '../core/sync/mutation.ts';
import type { Send, SentMutation } from './sync-types.ts';

/** Answers that say nothing of the mutation: a later one may. 401: until the user is signed in again, nothing of theirs is thrown away. */
const LATER = [401, 408, 425, 429, 502, 503, 504];

/** What asks the backend for a mutation. */
export type HttpRequest = {
  readonly url: string;
  /** Absent: `POST`. */
  readonly method?: string | undefined;
  /** Sent as JSON. Absent: the mutation. */
  readonly body?: unknown;
};

export type HttpOptions = {
  /** Where mutations are posted to, as they are; or what asks for each in the backend's own way. */
  readonly url: string | ((mutation: SentMutation) => HttpRequest);
  /** More headers, asked for anew for each attempt: a login of the app's. */
  readonly headers?:
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)
    | undefined;
  /** Which cookies go with it. Absent: those of the page's own origin. */
  readonly credentials?: RequestCredentials | undefined;
  /** What to wait for, from the answer's JSON (undefined: it had none). Absent: its `token`. */
  readonly token?: ((body: unknown, mutation: SentMutation) => SyncToken | undefined) | undefined;
  /** Absent: the global one. */
  readonly fetch?: typeof fetch | undefined;
};

/**
 * Sends mutations as `POST` with JSON `{ id, name, key, args, atMs, user }` and the id as `Idempotency-Key`. 2xx with JSON or without a body accepts; 401,
 * 408, 425, 429, 502, 503, 504 and a network that fails are tried again, after `Retry-After` where it is given; other 5xx too, and they count as failures; anything
 * else rejects, with `code`, `message` and `data` of the answer's JSON, or of its `error`.
 */
export function sendOverHttp(options: HttpOptions): Send {
  const { url, headers, credentials, token = tokenOf, fetch: fetchIt = fetch } = options;
  return async (mutation, { signal }): Promise<SendResult> => {
    const request: HttpRequest = typeof url === 'string' ? { url } : url(mutation);
    const { method = 'POST', body: asked = mutation } = request;
    const response = await fetchIt(request.url, {
      method,
      headers: {
        ...(await headers?.()),
        'content-type': 'application/json',
        'idempotency-key': mutation.id,
      },
      body: JSON.stringify(asked),
      signal,
      ...(credentials === undefined ? {} : { credentials }),
    });
    const { status, ok } = response;
    const text = await response.text();
    const body = parse(text);
    if (ok) {
      // The page of a portal between here and the backend, which answers everything with 200.
      if (body === undefined && text !== '') return { result: 'retry', reason: 'no JSON' };
      return { result: 'accepted', token: token(body, mutation) };
    }
    const later = LATER.includes(status);
    if (later || status >= 500 || status < 400) {
      const retryAfterMs = Number(response.headers.get('retry-after')) * 1_000;
      return { result: 'retry', reason: `http ${status}`, retryAfterMs, failed: !later };
    }
    const { code, message, data } = fieldsOf(fieldsOf(body)['error'] ?? body);
    return {
      result: 'rejected',
      code: typeof code === 'string' ? code : `http_${status}`,
      message: typeof message === 'string' ? message : '',
      data,
    };
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Whoever wrote it is not the app's backend, or had nothing to say.
    return undefined;
  }
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  return (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
}

/** The `token` of an answer, where it is one. */
export function tokenOf(body: unknown): SyncToken | undefined {
  const { token } = fieldsOf(body);
  if (typeof token === 'string') return token;
  const { key, version } = fieldsOf(token);
  return typeof key === 'string' && typeof version === 'number' ? { key, version } : undefined;
}
