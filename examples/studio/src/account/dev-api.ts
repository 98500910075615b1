import type { Person } from './person.ts';

/** What a development endpoint answered, or why it did not. `code` is the server's, or one of the two named here. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly code: 'unreachable' | 'not_understood' | (string & {});
      readonly status: number;
    };

/** The sample people. They exist only where `carillon dev` runs. */
export function fetchPeople(): Promise<Answer<readonly Person[]>> {
  return request('GET', '/dev/logins', {}, (body) => {
    if (!isRecord(body) || !Array.isArray(body['people'])) return null;
    return body['people'].every(isPerson) ? body['people'] : null;
  });
}

/** A login token of a sample person. */
export function fetchToken(user: string): Promise<Answer<string>> {
  return request('POST', '/dev/token', { body: { user } }, (body) => {
    return isRecord(body) && typeof body['token'] === 'string' ? body['token'] : null;
  });
}

/** Lets the bearer of the token follow someone, or stop. Resolves whether that changed anything. */
export function setFollow(token: string, other: string, follow: boolean): Promise<Answer<boolean>> {
  const path = `/dev/follows/${encodeURIComponent(other)}`;
  return request(follow ? 'PUT' : 'DELETE', path, { token }, (body) => {
    return isRecord(body) && typeof body['changed'] === 'boolean' ? body['changed'] : null;
  });
}

type Sent = { readonly body?: object; readonly token?: string };

async function request<T>(
  method: string,
  path: string,
  sent: Sent,
  read: (body: unknown) => T | null,
): Promise<Answer<T>> {
  const headers = new Headers({ accept: 'application/json' });
  if (sent.token !== undefined) headers.set('authorization', `Bearer ${sent.token}`);
  if (sent.body !== undefined) headers.set('content-type', 'application/json');
  const init: RequestInit = {
    method,
    headers,
    ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
  };

  let status = 0;
  let body: unknown;
  try {
    const response = await fetch(path, init);
    status = response.status;
    body = await response.json();
  } catch {
    // Either no reply at all (the server is down) or one that is not JSON (something else listens there).
    return { ok: false, code: status === 0 ? 'unreachable' : 'not_understood', status };
  }
  if (status >= 400) return { ok: false, code: errorCodeIn(body) ?? 'not_understood', status };
  const value = read(body);
  return value === null ? { ok: false, code: 'not_understood', status } : { ok: true, value };
}

function errorCodeIn(body: unknown): string | null {
  if (!isRecord(body) || !isRecord(body['error'])) return null;
  const { code } = body['error'];
  return typeof code === 'string' ? code : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isPerson(value: unknown): value is Person {
  return isRecord(value) && typeof value['user'] === 'string' && typeof value['name'] === 'string';
}
