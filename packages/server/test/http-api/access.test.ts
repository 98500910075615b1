import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '@carillon/protocol';
import { createApiKeyCheck } from '../../src/gateways/http-api/api-key.ts';
import { answerOf, API_KEY, type ServerUnderTest, startServer } from './server-under-test.ts';

let s: ServerUnderTest;
beforeAll(async () => {
  s = await startServer();
});
afterAll(() => s.close());

const error = (code: string): object => ({ error: { code, message: expect.any(String) } });

/** Sends bytes as they are, and reads what comes back until the server ends the connection. */
async function rawRequest(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

describe('the API key', () => {
  it.each([
    ['none', undefined],
    ['a wrong one', 'Bearer wrong'],
    ['one that is too long', `Bearer ${API_KEY}x`],
    ['one that is too short', `Bearer ${API_KEY.slice(0, -1)}`],
    ['the right one under another scheme', `Basic ${API_KEY}`],
    ['the right one without a scheme', API_KEY],
    ['an empty one', 'Bearer '],
  ])('%s opens nothing', async (_name, authorization) => {
    for (const path of ['/v1/users/a', '/v1/import', '/v1/no-such-thing', '/v1/']) {
      const response = await fetch(s.url + path, {
        method: 'PUT',
        ...(authorization === undefined ? {} : { headers: { authorization } }),
      });
      expect(await answerOf(response)).toMatchObject({ status: 401, body: error('unauthorized') });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('the right one opens, however the scheme is written', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(
        (
          await fetch(`${s.url}/v1/users/a`, {
            method: 'PUT',
            headers: { authorization: `${scheme} ${API_KEY}` },
          })
        ).ok,
      ).toBe(true);
  });

  it('without one configured the API answers nobody, and says what to set', async () => {
    const closed = await startServer({ config: { apiKey: undefined } });
    try {
      for (const key of ['', 'undefined', 'null', API_KEY]) {
        const answer = await answerOf(
          await fetch(`${closed.url}/v1/users/a`, {
            method: 'PUT',
            headers: { authorization: `Bearer ${key}` },
          }),
        );
        expect(answer).toMatchObject({ status: 401, body: error('unauthorized') });
        expect(JSON.stringify(answer.body)).toContain('CARILLON_API_KEY');
      }
    } finally {
      await closed.close();
    }
  });

  it('keys of any length and alphabet are compared whole', () => {
    const check = createApiKeyCheck('käy-with-umlaut');
    expect(check('Bearer käy-with-umlaut')).toBe(true);
    expect(check('Bearer k?y-with-umlaut')).toBe(false);
    expect(createApiKeyCheck(null)('Bearer ')).toBe(false);
  });
});

describe('what is not there', () => {
  it('an unknown resource is not_found, also outside the API', async () => {
    for (const path of [
      '/v1/',
      '/v1/users',
      '/v1/users/',
      '/v1/users/a/',
      '/v1/users/a/b/c/d',
      '/nope',
      '/',
      '/dev/logins',
      '/admin',
    ])
      expect(await s.api('GET', path)).toMatchObject({ status: 404, body: error('not_found') });
  });

  it('another method is method_not_allowed, and the answer names those there are', async () => {
    const answer = await s.api('PATCH', '/v1/users/a/follows/b');
    expect(answer).toMatchObject({ status: 405, body: error('method_not_allowed') });
    expect(answer.headers.get('allow')).toBe('PUT, DELETE, OPTIONS');
    expect((await s.api('POST', '/health')).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it('OPTIONS names the methods, HEAD is GET without its body', async () => {
    const options = await fetch(`${s.url}/v1/import`, { method: 'OPTIONS' });
    expect(options.status).toBe(204);
    expect(options.headers.get('allow')).toBe('POST, OPTIONS');
    const head = await fetch(`${s.url}/health`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
  });

  it('every error has a code of the catalogue with its status, and no stack', async () => {
    const answers = await Promise.all([
      s.api('GET', '/nope'),
      s.api('PATCH', '/v1/users/a'),
      s.api('PUT', '/v1/users/%00'),
      s.api('PUT', '/v1/users/a/status', '{'),
      s.api('GET', '/v1/users/nobody/presence'),
    ]);
    for (const { status, body, headers } of answers) {
      const { code } = (body as { error: { code: keyof typeof ERRORS } }).error;
      expect(ERRORS[code].http).toBe(status);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(JSON.stringify(body)).not.toMatch(/\.ts:|at .*\(|node_modules/);
    }
  });
});

describe('pages of other sites', () => {
  it('get no CORS headers unless they are configured', async () => {
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'PUT' };
    const preflight = await fetch(`${s.url}/v1/users/a`, { method: 'OPTIONS', headers });
    expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    const open = await startServer({ config: { http: { corsOrigins: ['https://app.example'] } } });
    try {
      const allowed = await fetch(`${open.url}/v1/users/a`, { method: 'OPTIONS', headers });
      expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
      const other = await fetch(`${open.url}/v1/users/a`, {
        method: 'OPTIONS',
        headers: { ...headers, origin: 'https://evil.example' },
      });
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
    } finally {
      await open.close();
    }
  });
});

describe('requests as no client library sends them', () => {
  const close = `Connection: close\r\nAuthorization: Bearer ${API_KEY}\r\n\r\n`;

  it('dots are a user id like any other, encoded or not', async () => {
    for (const path of ['/v1/users/%2E%2E', '/v1/users/..', '/v1/users/.'])
      expect(await rawRequest(s.url, `PUT ${path} HTTP/1.1\r\nHost: x\r\n${close}`)).toMatch(
        /^HTTP\/1\.1 20[01] /,
      );
    expect((await s.api('GET', '/v1/users/a/export')).status).toBe(200);
  });

  it('the absolute form is understood, the API stays closed behind it', async () => {
    expect(
      await rawRequest(s.url, `PUT http://other.example/v1/users/abs HTTP/1.1\r\nHost: x\r\n${close}`),
    ).toMatch(/^HTTP\/1\.1 201 /);
    expect(
      await rawRequest(s.url, 'PUT http://x/v1/users/abs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ).toMatch(/^HTTP\/1\.1 401 /);
  });

  it.each([
    ['a doubled slash', 'PUT //v1/users/a'],
    ['an encoded v1', 'PUT /%76%31/users/a'],
    ['an encoded slash in front', 'PUT /%2Fv1/users/a'],
    ['a dot segment', 'PUT /health/../v1/users/a'],
    ['another case', 'PUT /V1/users/a'],
    ['an asterisk', 'OPTIONS *'],
  ])('%s opens nothing without the key', async (_name, line) => {
    const answer = await rawRequest(s.url, `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 (400|401|404) /);
  });

  it('rubbish is answered and ended, and the server goes on', async () => {
    for (const bytes of [
      '\u0000\u0001\u0002\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET  \r\n\r\n',
      `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
    ])
      expect(await rawRequest(s.url, bytes)).toMatch(/^HTTP\/1\.1 (400|431) /);
    expect((await fetch(`${s.url}/health`)).status).toBe(200);
  });
});
