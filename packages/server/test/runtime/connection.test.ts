import { describe, expect, it } from 'vitest';
import type { Authenticator, AuthResult } from '../../src/ports/auth.ts';
import { createHarness } from './harness.ts';

describe('one connection, its rules and its limits', () => {
  it('[LOG1] what comes before the login is answered, and a login that never comes ends the connection', async () => {
    const h = await createHarness();
    const client = h.connect();
    client.send({ t: 'statusUpdate', a: 'x', i: 1 });
    client.send({ t: 'hb', q: 5 });
    await h.clock.settle();
    expect(client.take()).toMatchObject([
      { t: 'err', code: 'not_logged_in', i: 1 },
      { t: 'hb', q: 5 },
    ]);
    await h.clock.advance(9_999);
    expect(client.closeCode).toBeNull();
    await h.clock.advance(1);
    expect(client.last('bye')).toMatchObject({ code: 'login_timeout', advice: 'reconnect' });
    expect(client.closeCode).toBe(4101);
  });

  it('[LOG2] messages behind a login wait for it, a second login is refused', async () => {
    const h = await createHarness();
    const client = h.connect();
    client.send({ t: 'login', username: 'bob', token: 'token of bob' });
    client.send({ t: 'statusUpdate', a: 'x', i: 1 });
    client.send({ t: 'login', username: 'eve', token: 'token of eve', i: 2 });
    await h.clock.settle();
    expect(client.received.map((message) => message.t)).toEqual(['err', 'token', 'sync', 'ok']);
    expect(client.received[0]).toMatchObject({ code: 'already_logged_in', i: 2 });
  });

  it.each([
    ['forged', { username: 'bob', token: 'forged' }, 'token_invalid', 4200],
    ['of someone else', { username: 'bob', token: 'token of eve' }, 'username_mismatch', 4201],
    ['run out', { username: 'bob', token: 'token of bob until 1000' }, 'token_expired', 4100],
    [
      'of an id with a control character',
      { username: 'bo\u0000b', token: 'token of bo\u0000b' },
      'user_id_invalid',
      4202,
    ],
    ['of a client too old', { username: 'bob', token: 'token of bob', v: 0 }, 'version_unsupported', 4203],
  ])('[LOG3] a login %s is refused with its code', async (_case, login, code, close) => {
    const h = await createHarness();
    const client = h.connect();
    client.send({ t: 'login', ...login });
    await h.clock.settle();
    expect(client.received).toMatchObject([
      { t: 'err', code },
      { t: 'bye', code },
    ]);
    expect(client.closeCode).toBe(close);
    expect(h.node.counts()).toMatchObject({ connections: 0, attached: 0, detached: 0, timers: 0 });
  });

  it('[LOG5] [LOG6] a session whose token ran out is ended with its code, unless it was refreshed', async () => {
    const h = await createHarness();
    const until = h.clock.nowMs() + 10_000;
    const client = await h.logIn('bob', { token: `token of bob until ${until}` });
    const other = await h.logIn('bob', { token: `token of bob until ${until}` });
    client.send({ t: 'auth', token: `token of bob until ${until + 10_000}`, i: 1 });
    client.send({ t: 'auth', token: 'token of eve', i: 2 });
    await h.clock.advance(10_000);
    expect(client.received.slice(2)).toMatchObject([
      { t: 'ok', i: 1, exp: until + 10_000 },
      { t: 'err', i: 2, code: 'username_mismatch' },
    ]);
    expect(client.closeCode).toBeNull();
    expect(other.last('bye')).toMatchObject({ code: 'token_expired' });
    expect(other.closeCode).toBe(4100);
    await h.clock.advance(10_000);
    expect(client.closeCode).toBe(4100);
  });

  it('[HB1] [HB3] a silent client is asked at 30 and 60 s and ended at 75 s; one that answers stays', async () => {
    const h = await createHarness();
    const silent = await h.logIn('bob');
    const alive = await h.logIn('eve');
    for (let second = 1; second <= 74; second++) {
      await h.clock.advance(1000);
      if (alive.take().some((message) => message.t === 'hb')) alive.send({ t: 'hb' });
    }
    expect(silent.received.filter((message) => message.t === 'hb')).toHaveLength(2);
    expect(silent.closeCode).toBeNull();
    await h.clock.advance(1000);
    expect(silent.last('bye')).toMatchObject({ code: 'heartbeat_missed', advice: 'resume' });
    expect(silent.closeCode).toBe(4001);
    expect(alive.closeCode).toBeNull();
  });

  it('[HB4] a probe is echoed, a bare answer is not', async () => {
    const h = await createHarness();
    const client = await h.logIn('bob');
    client.take();
    client.send({ t: 'hb' });
    client.send({ t: 'hb', q: 42 });
    await h.clock.settle();
    expect(client.take()).toEqual([{ t: 'hb', q: 42 }]);
  });

  it('[LIM1] [LIM2] one message over the limit is refused with a time, and a flood ends the connection', async () => {
    const h = await createHarness({ settings: { messageRate: { perSecond: 10, burst: 5 } } });
    const client = await h.logIn('bob');
    client.take();
    for (let q = 1; q <= 4; q++) client.send({ t: 'hb', q });
    await h.clock.settle();
    expect(client.take().map((message) => message['q'])).toEqual([1, 2, 3, 4]);
    client.send({ t: 'statusUpdate', a: 'x', i: 9 });
    await h.clock.settle();
    expect(client.take()).toMatchObject([{ t: 'err', code: 'rate_limited', i: 9, retryAfterMs: 100 }]);
    await h.clock.advance(100);
    client.send({ t: 'hb', q: 6 });
    await h.clock.settle();
    expect(client.take()).toEqual([{ t: 'hb', q: 6 }]);
    for (let n = 0; n < 200; n++) client.send({ t: 'hb', q: 1 });
    expect(client.closeCode).toBe(4102);
  });

  it('[LIM2] a client that stays over the limit is closed, though some of its messages pass', async () => {
    const h = await createHarness({ settings: { messageRate: { perSecond: 10, burst: 5 } } });
    const client = await h.logIn('bob');
    for (let n = 0; n < 3000 && client.closeCode === null; n++) {
      client.send({ t: 'hb', q: n });
      await h.clock.advance(20);
    }
    expect(client.received.filter((message) => message['q'] !== undefined).length).toBeGreaterThan(10);
    expect(client.closeCode).toBe(4102);
  });

  it('[LIM1] a large message is paid for before it is read', async () => {
    const h = await createHarness({ settings: { messageRate: { perSecond: 10, burst: 20 } } });
    const client = await h.logIn('bob');
    client.take();
    const large = `{"t":"hb","q":1,"x":"${'y'.repeat(10_000)}"}`;
    client.send(large);
    client.send(large);
    await h.clock.settle();
    expect(client.take()).toMatchObject([
      { t: 'hb', q: 1 },
      { t: 'err', code: 'rate_limited' },
    ]);
  });

  it('[LOG1] a login that does not fit may be corrected, but buys no time', async () => {
    const h = await createHarness();
    const client = h.connect();
    for (let n = 0; n < 2 && client.closeCode === null; n++) {
      client.send({ t: 'login', username: 'bob', token: 'token of bob', a: 'x'.repeat(200) });
      await h.clock.advance(5_000);
    }
    expect(client.received).toMatchObject([
      { t: 'err', code: 'bad_message' },
      { t: 'err', code: 'bad_message' },
      { t: 'bye', code: 'login_timeout' },
    ]);
  });

  it('[LOG5] of two refreshes under way the later token counts, whichever is answered first', async () => {
    const answers = new Map<string, (result: AuthResult) => void>();
    const h = await createHarness({
      ports: (ports) => ({
        auth: {
          verify: (token, username) =>
            token.startsWith('token')
              ? ports.auth.verify(token, username)
              : new Promise((resolve) => answers.set(token, resolve)),
        },
      }),
    });
    const client = await h.logIn('bob');
    client.send({ t: 'auth', token: 'older', i: 1 });
    client.send({ t: 'auth', token: 'newer', i: 2 });
    const until = (ms: number): AuthResult => ({
      ok: true,
      principal: { user: 'bob', expiresAtMs: h.clock.nowMs() + ms },
    });
    answers.get('newer')?.(until(50_000));
    await h.clock.settle();
    answers.get('older')?.(until(5_000));
    await h.clock.advance(20_000);
    expect(client.received.filter((message) => message.t === 'ok').map((message) => message['i'])).toEqual([
      2, 1,
    ]);
    expect(client.closeCode).toBeNull();
    await h.clock.advance(30_000);
    expect(client.closeCode).toBe(4100);
  });

  it('logins at the same time do not get past the limit of sessions', async () => {
    const h = await createHarness({ settings: { sessionsPerUser: 2 } });
    const clients = Array.from({ length: 20 }, () => h.connect());
    for (const client of clients) client.send({ t: 'login', username: 'bob', token: 'token of bob' });
    await h.clock.settle();
    expect(clients.filter((client) => client.last('token') !== undefined)).toHaveLength(2);
    expect(h.node.counts()).toMatchObject({ attached: 2, detached: 0 });
  });

  it('[MSG1] [MSG2] what cannot be understood is answered and changes nothing', async () => {
    const h = await createHarness({ settings: { messageRate: { perSecond: 1000, burst: 1000 } } });
    const client = await h.logIn('bob');
    client.take();
    const inputs: [string, string][] = [
      ['not json', 'bad_json'],
      ['[]', 'bad_json'],
      ['null', 'bad_json'],
      ['{}', 'bad_message'],
      ['{"t":7}', 'bad_message'],
      ['{"t":"nope"}', 'unknown_type'],
      ['{"t":"__proto__"}', 'unknown_type'],
      ['{"t":"toString"}', 'unknown_type'],
      ['{"t":"statusUpdate","s":"Sleeping"}', 'bad_message'],
      ['{"t":"statusUpdate","a":5}', 'bad_message'],
      [`{"t":"statusUpdate","a":"${'x'.repeat(129)}"}`, 'bad_message'],
      ['{"t":"statusUpdate","a":"\\ud800"}', 'bad_message'],
      [`${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'bad_json'],
    ];
    for (const [input, code] of inputs) {
      client.send(input);
      await h.clock.settle();
      expect(client.take(), input.slice(0, 40)).toMatchObject([{ t: 'err', code }]);
    }
    client.send('{"t":"hb","__proto__":{"q":1}}');
    await h.clock.settle();
    expect(client.take()).toEqual([]);
    expect(client.closeCode).toBeNull();
  });

  it('a login whose check fails for a reason of the server is told to come back', async () => {
    const broken: Authenticator = { verify: () => Promise.reject<AuthResult>(new Error('hook crashed')) };
    const h = await createHarness({ ports: () => ({ auth: broken }) });
    const client = await h.logIn('bob');
    expect(client.received).toMatchObject([
      { t: 'err', code: 'unavailable', retryAfterMs: 1000 },
      { t: 'bye', code: 'unavailable', afterMs: 1000 },
    ]);
    expect(client.closeCode).toBe(4103);
    expect(h.warnings).toEqual(['login_failed {"error":"Error: hook crashed"}']);
  });

  it('a login whose check hangs is ended with a code that says to come back', async () => {
    const hanging: Authenticator = { verify: () => new Promise(() => undefined) };
    const h = await createHarness({ ports: () => ({ auth: hanging }) });
    const client = await h.logIn('bob');
    await h.clock.advance(10_000);
    expect(client.received).toMatchObject([{ t: 'bye', code: 'unavailable', afterMs: 1000 }]);
    expect(client.closeCode).toBe(4103);
    expect(h.node.counts().timers).toBe(0);
  });

  it('a client that asks and does not read is closed when its answers exceed the bound', async () => {
    const h = await createHarness({
      settings: {
        messageRate: { perSecond: 10_000, burst: 10_000 },
        outbox: { heldControlUnits: 1000, heldFriends: 10 },
      },
    });
    const client = await h.logIn('bob');
    client.stall();
    for (let q = 0; q < 200; q++) {
      client.send({ t: 'hb', q });
      await h.clock.settle();
    }
    expect(client.closeCode).toBe(4002);
    expect(client.writes).toBe(2);
    expect(h.node.counts()).toMatchObject({ connections: 0, detached: 1 });
  });

  it('a user with too many sessions keeps those that are held: the oldest that nobody holds gives way', async () => {
    const h = await createHarness({ settings: { sessionsPerUser: 2 } });
    const first = await h.logIn('bob');
    const second = await h.logIn('bob');
    const refused = await h.logIn('bob');
    expect(refused.received).toMatchObject([{ t: 'err', code: 'limit_reached' }, { t: 'bye' }]);
    expect(refused.closeCode).toBe(4104);
    first.drop();
    const third = await h.logIn('bob');
    expect(third.last('token')).toMatchObject({ resumed: false });
    expect(h.node.counts()).toMatchObject({ attached: 2, detached: 0 });
    expect(second.closeCode).toBeNull();
  });

  it('a connection that closes while its login is checked leaves nothing behind', async () => {
    let answer: ((result: AuthResult) => void) | undefined;
    const slow: Authenticator = { verify: () => new Promise((resolve) => (answer = resolve)) };
    const h = await createHarness({ ports: () => ({ auth: slow }) });
    const client = h.connect();
    client.send({ t: 'login', username: 'bob', token: 'x' });
    client.drop();
    answer?.({ ok: true, principal: { user: 'bob', expiresAtMs: null } });
    await h.clock.settle();
    expect(h.node.counts()).toMatchObject({ connections: 0, attached: 0, detached: 0, timers: 0 });
  });
});
