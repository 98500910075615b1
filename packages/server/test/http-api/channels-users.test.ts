import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiUnderTest, LIMITS, refusal, startApi } from './api-under-test.ts';

let answer: unknown;
let api: ApiUnderTest;
beforeAll(async () => {
  const later = (): unknown => Promise.resolve(answer);
  api = await startApi({
    subscribeUser: later,
    unsubscribeUser: later,
    recheckRole: later,
    grant: later,
    disconnect: later,
    revoke: later,
    sessionsOf: () => answer,
    session: () => answer,
    ask: later,
    presenceOf: (user: string) =>
      Promise.resolve(
        user.startsWith('nobody')
          ? { ok: false, code: 'user_unknown', detail: 'no' }
          : user === 'bad'
            ? { ok: false, code: 'user_id_invalid', detail: 'no' }
            : {
                ok: true,
                value: { user, s: 'Online', fields: { a: 'Coding' }, lastSeenMs: null, version: 5 },
              },
      ),
  });
});
afterAll(() => api.close());
beforeEach(() => {
  api.asked.length = 0;
  answer = { ok: true, value: undefined };
});

describe('subscriptions', () => {
  it('are made for an hour, or for as long as is said, and ended', async () => {
    const path = '/v1/users/auth0%7C1/subscriptions/chat%3Aa%2520b';
    expect(await api.ask('PUT', path)).toMatchObject({ status: 204, text: '' });
    expect(await api.ask('PUT', path, { ttlMs: 5 })).toMatchObject({ status: 204 });
    expect(await api.ask('DELETE', path)).toMatchObject({ status: 204, text: '' });
    expect(api.asked).toEqual([
      ['subscribeUser', 'auth0|1', 'chat:a%20b', 3_600_000, undefined],
      ['subscribeUser', 'auth0|1', 'chat:a%20b', 5, undefined],
      ['unsubscribeUser', 'auth0|1', 'chat:a%20b'],
    ]);
  });

  it('a part of the path that is no percent-encoded UTF-8 is refused with its own code', async () => {
    expect(await api.ask('PUT', '/v1/users/a/subscriptions/%FF')).toMatchObject({
      status: 400,
      body: refusal('channel_invalid', /^channel: /),
    });
    expect(await api.ask('PUT', '/v1/users/%FF/subscriptions/a')).toMatchObject({
      status: 400,
      body: refusal('user_id_invalid', /^user: /),
    });
    expect(api.asked).toEqual([]);
  });

  it('a grant is signed for a user and a channel', async () => {
    answer = { ok: true, value: { grant: 'signed', expiresAtMs: 1_700_000_000_000 } };
    expect((await api.ask('POST', '/v1/users/u/grants', { channel: 'chat:1', ttlMs: 60_000 })).body).toEqual({
      grant: 'signed',
      expiresAtMs: 1_700_000_000_000,
    });
    expect(api.asked).toEqual([['grant', 'u', 'chat:1', 60_000, undefined]]);
  });

  it('[DOC5] of a document carry a role', async () => {
    await api.ask('PUT', '/v1/users/u/subscriptions/doc%3A1', { role: 'comment' });
    answer = { ok: true, value: { grant: 'signed', expiresAtMs: 1_700_000_000_000 } };
    await api.ask('POST', '/v1/users/u/grants', { channel: 'doc:1', ttlMs: 5, role: 'write' });
    expect(api.asked).toEqual([
      ['subscribeUser', 'u', 'doc:1', 3_600_000, 'comment'],
      ['grant', 'u', 'doc:1', 5, 'write'],
    ]);
  });

  it('[DOC5] a role is asked for again, of one user or of everybody', async () => {
    const path = '/v1/channels/doc%3Aa%2520b/recheck';
    expect(await api.ask('POST', path, { user: 'auth0|1' })).toMatchObject({ status: 204, text: '' });
    expect(await api.ask('POST', path, {})).toMatchObject({ status: 204 });
    expect(await api.ask('POST', path)).toMatchObject({ status: 204 });
    expect(api.asked).toEqual([
      ['recheckRole', 'auth0|1', 'doc:a%20b'],
      ['recheckRole', null, 'doc:a%20b'],
      ['recheckRole', null, 'doc:a%20b'],
    ]);
    expect(await api.ask('POST', path, { user: '' })).toMatchObject({ status: 400 });
    answer = { ok: false, code: 'kind_mismatch', detail: 'no document' };
    expect(await api.ask('POST', path, {})).toMatchObject({ status: 400, body: refusal('kind_mismatch') });
  });

  it.each([
    [{}, /^channel: expected a string/],
    [{ channel: '' }, /^channel: at least 1/],
    [{ channel: 'x'.repeat(256) }, /^channel: at most 255/],
    [{ channel: 'c', ttlMs: 0 }, /^ttlMs: at least 1/],
    [{ channel: 'c', role: 'none' }, /^role: /],
    [{ channel: 'c', role: 'owner' }, /^role: /],
    [{ channel: 'c', ttlMs: '1h' }, /^ttlMs: expected a whole number/],
  ])('a grant from %j is refused', async (body, message) => {
    expect(await api.ask('POST', '/v1/users/u/grants', body)).toMatchObject({
      status: 400,
      body: refusal('bad_message', message),
    });
    expect(api.asked).toEqual([]);
  });

  it('a request about one thing may be as large as limits.requestBytes', async () => {
    answer = { ok: true, value: { grant: 'g', expiresAtMs: 1 } };
    const around = JSON.stringify({ channel: 'c', x: '' }).length;
    const largest = JSON.stringify({ channel: 'c', x: 'x'.repeat(LIMITS.requestBytes - around) });
    expect((await api.ask('POST', '/v1/users/u/grants', largest)).status).toBe(200);
    expect((await api.ask('POST', '/v1/users/u/grants', largest.replace('xx', 'xxx'))).status).toBe(413);
  });
});

describe('sessions', () => {
  const session = { session: 's_1', user: 'u', device: 'd', connected: true, channels: ['chat:1'] };

  it('are listed for a user, and looked up one by one', async () => {
    answer = { ok: true, value: [session] };
    expect((await api.ask('GET', '/v1/users/u/sessions')).body).toEqual({ sessions: [session] });
    answer = { ok: true, value: session };
    expect((await api.ask('GET', '/v1/sessions/s_1')).body).toEqual(session);
    answer = { ok: false, code: 'session_unknown', detail: 'no such session' };
    expect(await api.ask('GET', '/v1/sessions/none')).toMatchObject({
      status: 404,
      body: refusal('session_unknown'),
    });
    expect(await api.ask('GET', '/v1/sessions/%FF')).toMatchObject({
      status: 404,
      body: refusal('session_unknown'),
    });
    expect(api.asked).toEqual([
      ['sessionsOf', 'u'],
      ['session', 's_1'],
      ['session', 'none'],
    ]);
  });

  it('are disconnected, all of a user or one', async () => {
    answer = { ok: true, value: { disconnected: 2 } };
    expect((await api.ask('POST', '/v1/users/u/disconnect')).body).toEqual({ disconnected: 2 });
    await api.ask('POST', '/v1/users/u/disconnect', { session: 's_1' });
    expect(await api.ask('POST', '/v1/users/u/disconnect', { session: 1 })).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^session: expected a string/),
    });
    expect(api.asked).toEqual([
      ['disconnect', 'u', undefined],
      ['disconnect', 'u', 's_1'],
    ]);
  });

  it('are ended with the login tokens that opened them', async () => {
    expect(await api.ask('POST', '/v1/users/u/revoke')).toMatchObject({ status: 204 });
    expect(await api.ask('POST', '/v1/users/u/revoke', { tokenId: 'jti-1' })).toMatchObject({ status: 204 });
    // A token id that is empty by mistake must not revoke everything.
    expect(await api.ask('POST', '/v1/users/u/revoke', { tokenId: '' })).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^tokenId: at least 1/),
    });
    expect(await api.ask('POST', '/v1/users/u/revoke', { tokenId: null })).toMatchObject({ status: 400 });
    expect(api.asked).toEqual([
      ['revoke', { user: 'u' }],
      ['revoke', { user: 'u', tokenId: 'jti-1' }],
    ]);
  });
});

describe('calls', () => {
  it('are answered session by session, with what each answered', async () => {
    answer = {
      ok: true,
      value: [
        { session: 's_1', ok: true, output: { n: 1 } },
        { session: 's_2', ok: true, output: undefined },
        { session: 's_3', ok: false, code: 'call_failed', error: 'busy', data: { until: 5 } },
        { session: 's_4', ok: false, code: 'deadline_exceeded', error: null, data: undefined },
      ],
    };
    const path = '/v1/users/u/calls/ask%2Fconfirm';
    expect((await api.ask('POST', path, { input: { q: 1 }, timeoutMs: 600_000 })).body).toEqual({
      answers: [
        { session: 's_1', ok: true, output: { n: 1 } },
        { session: 's_2', ok: true, output: null },
        { session: 's_3', ok: false, code: 'call_failed', error: 'busy', data: { until: 5 } },
        { session: 's_4', ok: false, code: 'deadline_exceeded' },
      ],
    });
    await api.ask('POST', '/v1/sessions/s_1/calls/confirm');
    expect(api.asked).toEqual([
      ['ask', { user: 'u' }, 'ask/confirm', { q: 1 }, 600_000],
      ['ask', { session: 's_1' }, 'confirm', undefined, undefined],
    ]);
  });

  it('wait ten minutes at the most', async () => {
    expect(await api.ask('POST', '/v1/users/u/calls/c', { timeoutMs: 600_001 })).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^timeoutMs: at most 600000/),
    });
    expect(await api.ask('POST', '/v1/sessions/s/calls/c', { timeoutMs: 0 })).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^timeoutMs: at least 1/),
    });
    expect(api.asked).toEqual([]);
  });

  it('that nobody can answer are refused as the node says', async () => {
    for (const [code, status] of [
      ['call_unknown', 404],
      ['session_unknown', 404],
      ['payload_invalid', 422],
    ] as const) {
      answer = { ok: false, code, detail: 'x' };
      expect(await api.ask('POST', '/v1/users/u/calls/c', {})).toMatchObject({ status, body: refusal(code) });
    }
  });
});

describe('the presence of many', () => {
  const presence = (users: unknown) => api.ask('POST', '/v1/presence', { users });

  it('comes in the order asked for, and says who is not known', async () => {
    expect(await presence(['b', 'nobody', 'a', 'b'])).toMatchObject({
      status: 200,
      body: {
        users: [
          { user: 'b', s: 'Online', a: 'Coding' },
          { user: 'a', s: 'Online', a: 'Coding' },
          { user: 'b', s: 'Online', a: 'Coding' },
        ],
        unknown: ['nobody'],
      },
    });
    expect((await presence([])).body).toEqual({ users: [], unknown: [] });
  });

  it('is that of a thousand users at most', async () => {
    const thousand = Array.from({ length: 1_000 }, (_, index) => `u${index}`);
    const { body } = (await presence(thousand)) as { body: { users: { user: string }[] } };
    expect(body.users.map(({ user }) => user)).toEqual(thousand);
    expect(await presence([...thousand, 'x'])).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^users: at most 1000 items/),
    });
  });

  it.each([
    [undefined, 'bad_message', /^users: expected a list/],
    ['a', 'bad_message', /^users: expected a list/],
    [['a', 1], 'bad_message', /^users\.1: expected a string/],
    [['a', ''], 'bad_message', /^users\.1: at least 1/],
    [[...Array<string>(150).fill('a'), 'bad'], 'user_id_invalid', /^users\.150: /],
  ])('of %j is refused', async (users, code, message) => {
    expect(await presence(users)).toMatchObject({ status: 400, body: refusal(code, message) });
  });
});
