import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/runtime/node-api.ts';
import { answerOf, type ServerUnderTest, startServer } from './server-under-test.ts';

let s: ServerUnderTest;
let page: string;

beforeAll(async () => {
  page = mkdtempSync(join(tmpdir(), 'carillon-page-'));
  mkdirSync(join(page, 'dist', 'assets'), { recursive: true });
  writeFileSync(join(page, 'secret.js'), 'not for anybody');
  writeFileSync(join(page, 'dist', 'index.html'), '<title>Studio</title>');
  writeFileSync(join(page, 'dist', 'assets', 'main-a1b2.js'), 'export {}');
  writeFileSync(join(page, 'dist', 'assets', 'notes.txt'), 'no type is known for this');
  s = await startServer({
    development: {
      studioFolder: join(page, 'dist'),
      app: null,
      logins: {
        people: [
          { user: 'alice', name: 'Alice' },
          { user: 'bob', name: 'Bob' },
        ],
        issueToken: (user) => Promise.resolve(`token-of-${user}`),
        userOf: (token): Promise<Outcome<string>> =>
          Promise.resolve(
            token.startsWith('token-of-')
              ? { ok: true, value: token.slice('token-of-'.length) }
              : { ok: false, code: 'token_invalid', detail: 'no' },
          ),
      },
    },
  });
  for (const user of ['alice', 'bob']) await s.server.node.createUser(user);
});

afterAll(async () => {
  await s.close();
  rmSync(page, { recursive: true, force: true });
});

const error = (code: string): object => ({ error: { code, message: expect.any(String) } });

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  return answerOf(await fetch(s.url + path, { method, headers, ...(body === undefined ? {} : { body }) }));
}

/** As `fetch`, which does not let one say what Host is. */
function askAs(headers: Record<string, string>, path = '/dev/logins'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(s.url + path, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('demo logins', () => {
  it('are those of the sample people', async () => {
    expect(await ask('GET', '/dev/logins')).toMatchObject({
      status: 200,
      body: {
        people: [
          { user: 'alice', name: 'Alice' },
          { user: 'bob', name: 'Bob' },
        ],
      },
    });
    expect(await ask('POST', '/dev/token', {}, '{"user":"alice"}')).toMatchObject({
      status: 200,
      body: { token: 'token-of-alice' },
    });
  });

  it.each(['{"user":"mallory"}', '{"user":["alice"]}', '{}', ''])(
    'nobody else gets one: %s',
    async (body) => {
      expect(await ask('POST', '/dev/token', {}, body)).toMatchObject({
        status: 404,
        body: error('user_unknown'),
      });
    },
  );

  it("edit the roster of their own user and nobody else's", async () => {
    const headers = { authorization: 'Bearer token-of-alice' };
    expect(await ask('PUT', '/dev/follows/bob', headers)).toMatchObject({
      status: 200,
      body: { changed: true },
    });
    expect((await s.api('GET', '/v1/users/alice/follows')).body).toEqual({ follows: ['bob'] });
    expect(await ask('PUT', '/dev/follows/alice', headers)).toMatchObject({
      status: 400,
      body: error('self_follow'),
    });
    expect(await ask('PUT', '/dev/follows/nobody', headers)).toMatchObject({
      status: 404,
      body: error('user_unknown'),
    });
    expect(await ask('DELETE', '/dev/follows/bob', headers)).toMatchObject({
      status: 200,
      body: { changed: true },
    });
  });

  it('without a good token nothing is edited', async () => {
    for (const headers of [{}, { authorization: 'Bearer forged' }, { authorization: 'token-of-alice' }])
      expect(await ask('PUT', '/dev/follows/bob', headers)).toMatchObject({
        status: 401,
        body: error('token_invalid'),
      });
  });

  it('answer to this machine by its own names alone', async () => {
    const port = new URL(s.url).port;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
      expect(await askAs({ host })).toBe(200);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
    ])
      expect(await askAs({ host })).toBe(403);
  });

  it('answer no page of another origin, and nobody behind a proxy', async () => {
    const host = new URL(s.url).host;
    expect(await askAs({ host, origin: `http://${host}` })).toBe(200);
    for (const origin of ['https://evil.example', 'null', `https://${host}`, 'http://127.0.0.1:1'])
      expect(await askAs({ host, origin })).toBe(403);
    expect(await askAs({ host, 'x-forwarded-for': '203.0.113.7' })).toBe(403);
    expect(await askAs({ host, forwarded: 'for=203.0.113.7' })).toBe(403);
  });

  it('without a secret of our own there are none, but the page is', async () => {
    const other = await startServer({
      development: { app: null, logins: null, studioFolder: join(page, 'dist') },
    });
    try {
      expect((await fetch(`${other.url}/dev/logins`)).status).toBe(404);
      expect((await fetch(`${other.url}/`)).status).toBe(200);
    } finally {
      await other.close();
    }
  });
});

describe('the studio page', () => {
  it('is served fresh, its assets for ever', async () => {
    const index = await ask('GET', '/');
    expect(index).toMatchObject({ status: 200, body: '<title>Studio</title>' });
    expect(index.headers.get('cache-control')).toBe('no-cache');
    expect(index.headers.get('content-security-policy')).toContain("default-src 'self'");
    const asset = await ask('GET', '/assets/main-a1b2.js');
    expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(asset.headers.get('cache-control')).toContain('immutable');
  });

  it.each([
    '/assets/none.js',
    '/assets/',
    '/assets',
    '/assets/notes.txt',
    '/assets/..%2f..%2fsecret.js',
    '/..%2fsecret.js',
    '/%2e%2e/secret.js',
    '/assets/../../secret.js',
    '/.env',
    '/index.html%00.js',
  ])('%s is not there', async (path) => {
    expect(await askAs({ host: 'localhost' }, path)).toBe(404);
  });
});
