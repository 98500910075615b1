import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

let s: ServerUnderTest;
beforeAll(async () => {
  s = await startServer();
});
afterAll(() => s.close());

const error = (code: string): object => ({ error: { code, message: expect.any(String) } });

describe('users', () => {
  it('are created once', async () => {
    expect(await s.api('PUT', '/v1/users/once')).toMatchObject({ status: 201, body: { created: true } });
    expect(await s.api('PUT', '/v1/users/once')).toMatchObject({ status: 200, body: { created: false } });
  });

  it.each([
    'auth0|1',
    'a:b',
    'a/b',
    '{braces}',
    'a b',
    '100%',
    '%2F',
    'zoë',
    '日本',
    '😀',
    '?',
    '#',
    '+',
    '...',
    '__proto__',
    'constructor',
    '-',
  ])('may be called %s', async (user) => {
    const path = `/v1/users/${encodeURIComponent(user)}`;
    expect(await s.api('PUT', path)).toMatchObject({ status: 201 });
    expect((await s.api('GET', `${path}/presence`)).body).toEqual({ user, s: 'Offline' });
    expect((await s.api('GET', `${path}/export`)).body).toMatchObject({ user, follows: [] });
  });

  it.each([
    ['300 characters', 'x'.repeat(300)],
    ['a NUL', '%00'],
    ['a line break', 'a%0Ab'],
    ['a C1 control', '%C2%85'],
    ['a byte that is no UTF-8', '%FF'],
    ['an overlong slash', '%C0%AF'],
    ['half a percent-encoding', '%2'],
    ['a lone surrogate', '%ED%A0%80'],
  ])('with %s are no users', async (_name, encoded) => {
    expect(await s.api('PUT', `/v1/users/${encoded}`)).toMatchObject({
      status: 400,
      body: error('user_id_invalid'),
    });
  });

  it('nobody knows are 404, wherever they are asked for', async () => {
    for (const path of ['presence', 'export'])
      expect(await s.api('GET', `/v1/users/nobody/${path}`)).toMatchObject({
        status: 404,
        body: error('user_unknown'),
      });
    expect(await s.api('PUT', '/v1/users/nobody/status', { s: 'Busy' })).toMatchObject({
      status: 404,
      body: error('user_unknown'),
    });
    expect(await s.api('DELETE', '/v1/users/nobody')).toMatchObject({
      status: 404,
      body: error('user_unknown'),
    });
    expect(await s.api('PUT', '/v1/users/once/follows/nobody')).toMatchObject({
      status: 404,
      body: error('user_unknown'),
    });
  });

  it('are erased with everything about them, and their sessions ended', async () => {
    await s.api('PUT', '/v1/users/gone');
    await s.api('PUT', '/v1/users/fan');
    await s.api('PUT', '/v1/users/fan/follows/gone');
    const fan = await s.logIn('fan');
    const gone = await s.logIn('gone');
    expect(await fan.next('o')).toMatchObject({ id: 'gone' });
    expect(await s.api('DELETE', '/v1/users/gone')).toMatchObject({ status: 204, body: '' });
    expect(await gone.next('bye')).toMatchObject({ code: 'user_erased' });
    expect((await s.api('GET', '/v1/users/fan/follows')).body).toEqual({ follows: [] });
    expect(await s.api('GET', '/v1/users/gone/export')).toMatchObject({ status: 404 });
  });

  it('are exported with all that is kept about them, and no secret', async () => {
    for (const user of ['ex', 'friend', 'foe']) await s.api('PUT', `/v1/users/${user}`);
    await s.api('PUT', '/v1/users/ex/follows/friend');
    await s.api('PUT', '/v1/users/friend/follows/ex');
    await s.api('PUT', '/v1/users/ex/close/friend');
    await s.api('PUT', '/v1/users/ex/blocks/foe');
    await s.api('PUT', '/v1/users/ex/status', { s: 'Away', device: 'bot' });
    expect((await s.api('GET', '/v1/users/ex/export')).body).toEqual({
      user: 'ex',
      lastSeenMs: null,
      follows: ['friend'],
      followers: ['friend'],
      blocks: ['foe'],
      blockedBy: [],
      close: ['friend'],
      devices: { bot: { s: 'Away', fields: {}, changedAt: expect.any(Number) } },
      sessions: 0,
      presence: { user: 'ex', s: 'Away' },
    });
  });
});

describe('statuses set over HTTP', () => {
  it('are seen by followers as any other, and end when they are taken away', async () => {
    for (const user of ['bot', 'watcher']) await s.api('PUT', `/v1/users/${user}`);
    await s.api('PUT', '/v1/users/watcher/follows/bot');
    const watcher = await s.logIn('watcher');
    expect(
      await s.api('PUT', '/v1/users/bot/status', { s: 'Busy', a: 'Building', device: 'ci' }),
    ).toMatchObject({
      status: 200,
      body: { device: 'ci', ttlMs: 120_000, s: 'Busy', a: 'Building' },
    });
    expect(await watcher.next('o')).toEqual({ t: 'o', id: 'bot', s: 'Busy', a: 'Building' });
    await s.api('PUT', '/v1/users/bot/status', { a: 'Testing', device: 'ci' });
    expect(await watcher.next('u')).toEqual({ t: 'u', id: 'bot', a: 'Testing' });
    expect((await s.api('GET', '/v1/users/bot/presence')).body).toEqual({
      user: 'bot',
      s: 'Busy',
      a: 'Testing',
    });
    expect(await s.api('DELETE', '/v1/users/bot/status?device=ci')).toMatchObject({ status: 204 });
    expect(await watcher.next('x')).toMatchObject({ id: 'bot', ts: expect.any(Number) });
    expect((await s.api('GET', '/v1/users/bot/presence')).body).toEqual({
      user: 'bot',
      s: 'Offline',
      ts: expect.any(Number),
    });
  });

  it('end by themselves after their time to live', async () => {
    for (const user of ['brief', 'patient']) await s.api('PUT', `/v1/users/${user}`);
    await s.api('PUT', '/v1/users/patient/follows/brief');
    const patient = await s.logIn('patient');
    await s.api('PUT', '/v1/users/brief/status', { s: 'Online', ttlMs: 1 });
    expect(await patient.next('o')).toMatchObject({ id: 'brief' });
    expect(await patient.next('x')).toMatchObject({ id: 'brief' });
  });

  it('an invisible user looks exactly like an offline one', async () => {
    for (const user of ['ghost', 'absent']) await s.api('PUT', `/v1/users/${user}`);
    await s.api('PUT', '/v1/users/ghost/status', { s: 'Invisible', a: 'Hiding' });
    const [ghost, absent] = await Promise.all(
      ['ghost', 'absent'].map((user) => s.api('GET', `/v1/users/${user}/presence`)),
    );
    expect(JSON.stringify(ghost?.body).replace('ghost', 'absent')).toBe(JSON.stringify(absent?.body));
  });

  it.each([
    ['an unknown status', { s: 'Sleeping' }, 'bad_message'],
    ['a field that is no text', { a: 1 }, 'bad_message'],
    ['a field that is too long', { a: 'x'.repeat(129) }, 'bad_message'],
    ['a time to live that is no number', { ttlMs: '5' }, 'bad_message'],
    ['a time to live of nothing', { ttlMs: 0 }, 'bad_message'],
    ['a time to live beyond a day', { ttlMs: 86_400_001 }, 'bad_message'],
    ['a device that is no text', { device: {} }, 'bad_message'],
    ['a device of 129 characters', { device: 'x'.repeat(129) }, 'bad_message'],
    ['a list', [], 'bad_json'],
    ['half an object', '{"s":', 'bad_json'],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'bad_json'],
    ['null', 'null', 'bad_json'],
  ])('%s is refused', async (_name, body, code) => {
    await s.api('PUT', '/v1/users/refused');
    expect(await s.api('PUT', '/v1/users/refused/status', body)).toMatchObject({
      status: 400,
      body: error(code),
    });
    expect((await s.api('GET', '/v1/users/refused/presence')).body).toEqual({
      user: 'refused',
      s: 'Offline',
    });
  });

  it('a body beyond the limit is refused, whether it says its size or not', async () => {
    const big = JSON.stringify({ a: 'x'.repeat(20_000) });
    expect(await s.api('PUT', '/v1/users/refused/status', big)).toMatchObject({
      status: 413,
      body: error('too_large'),
    });
    const response = await fetch(`${s.url}/v1/users/refused/status`, {
      method: 'PUT',
      headers: { authorization: 'Bearer an-api-key-of-some-length' },
      body: new Blob([big]).stream(),
      duplex: 'half',
    });
    expect(response.status).toBe(413);
  });

  it('keys that name prototypes change nothing', async () => {
    await s.api('PUT', '/v1/users/proto');
    expect(
      await s.api('PUT', '/v1/users/proto/status', '{"__proto__":{"s":"Busy"},"constructor":1}'),
    ).toMatchObject({ status: 200 });
    expect((await s.api('GET', '/v1/users/proto/presence')).body).toEqual({ user: 'proto', s: 'Online' });
  });
});
