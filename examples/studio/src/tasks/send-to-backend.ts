import type { Send, SendResult, SentMutation } from '@carillon/client/sync';

/** Where the backend answers: on the page's own origin. */
const TASKS = '/app/tasks';

/** How long a backend that says nothing of it is left alone, ms. */
const PAUSE_MS = 1_000;

export type BackendOptions = {
  fetch(url: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response>;
  /** @param fresh whether the one before was refused */
  token(fresh: boolean): Promise<string>;
};

type Request = { readonly method: string; readonly path: string; readonly body?: object };

/** The request that a change is made by. */
export function requestOf({ name, key, args }: Pick<SentMutation, 'name' | 'key' | 'args'>): Request {
  const path = `${TASKS}/${key}`;
  switch (name) {
    case 'add': {
      const { title } = args as { readonly title: string };
      return { method: 'POST', path: TASKS, body: { id: key, title } };
    }
    case 'remove':
      return { method: 'DELETE', path };
    default:
      return { method: 'PATCH', path, body: args as object };
  }
}

/** Sends changes to the app's backend, each under its own key: however often one is sent, it is made once. */
export function sendToBackend({ fetch, token }: BackendOptions): Send {
  async function ask(mutation: SentMutation, signal: AbortSignal, fresh: boolean): Promise<Response> {
    const { method, path, body } = requestOf(mutation);
    return fetch(path, {
      method,
      signal,
      headers: {
        authorization: `Bearer ${await token(fresh)}`,
        'idempotency-key': mutation.id,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  return async (mutation, { signal }): Promise<SendResult> => {
    let response = await ask(mutation, signal, false);
    if (response.status === 401) response = await ask(mutation, signal, true);
    const { status } = response;
    const body: unknown = await response.json().catch(() => null);
    if (response.ok) {
      const version = versionIn(body);
      return { result: 'accepted', token: version === null ? undefined : { key: mutation.key, version } };
    }
    // 401: until there is a token again, nothing of what the person did is thrown away.
    if (status >= 500 || status === 401 || status === 429) {
      const retryAfterMs = Number(response.headers.get('retry-after')) * 1_000 || PAUSE_MS;
      return { result: 'retry', reason: `http_${status}`, retryAfterMs, failed: status === 500 };
    }
    const { code = `http_${status}`, message = '' } = errorIn(body);
    return { result: 'rejected', code, message, data: message };
  };
}

/** What the backend holds: read where the channel does not hold all of it. */
export async function readTasks(
  { fetch, token }: BackendOptions,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const ask = async (fresh: boolean): Promise<Response> =>
    fetch(TASKS, { signal, headers: { authorization: `Bearer ${await token(fresh)}` } });
  let response = await ask(false);
  if (response.status === 401) response = await ask(true);
  if (!response.ok) throw new Error(`the tasks could not be read: http ${response.status}`);
  const body: unknown = await response.json();
  if (!isRecord(body) || !Array.isArray(body['tasks'])) throw new Error('the tasks could not be read');
  return body['tasks'] as readonly unknown[];
}

function versionIn(body: unknown): number | null {
  if (!isRecord(body)) return null;
  const of = isRecord(body['task']) ? body['task'] : body;
  return typeof of['version'] === 'number' ? of['version'] : null;
}

function errorIn(body: unknown): { readonly code?: string; readonly message?: string } {
  if (!isRecord(body) || !isRecord(body['error'])) return {};
  const { code, message } = body['error'];
  return {
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
