import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BareClient, refusedUpgrade, type Wire } from './scene/bare-client.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { liveHeapBytes } from './scene/live-heap.ts';
import { loginToken } from './scene/login-token.ts';
import { connectRaw, frame, openRawWebSocket, textFrame, upgradeRequest } from './scene/raw-web-socket.ts';
import { openScene, type Scene, type SceneOptions } from './scene/scene.ts';
import { scrape } from './scene/server-metrics.ts';
import { within } from './scene/within.ts';

let scene: Scene;
let bystanders: Bystanders;

/** Opens a server of a test's own, with bystanders. */
async function open(
  settings: Readonly<Record<string, string>> = {},
  options: SceneOptions = {},
): Promise<void> {
  scene = await openScene(settings, options);
  bystanders = await openBystanders(scene);
}

const errorOf = (body: string): string => (JSON.parse(body) as { error: { code: string } }).error.code;

describe('[LIM3] a page of a wrong origin', () => {
  beforeAll(() => open({ CARILLON_ALLOWED_ORIGINS: 'https://app.example' }));
  afterEach(() => bystanders.untouched());
  afterAll(() => scene.close());

  it.each([
    'https://evil.example',
    'http://app.example',
    'https://app.example:8443',
    'https://app.example.evil.example',
    'https://APP.example',
    'https://app.example/',
    'https://app.example, https://evil.example',
    'null',
    'file://',
    '',
  ])('%j is refused before the upgrade', async (origin) => {
    const { status, body } = await refusedUpgrade(scene.server.port, { headers: { Origin: origin } });
    expect(status).toBe(403);
    expect(errorOf(body)).toBe('origin_refused');
  });

  it('the right one passes, and a client that is no page', async () => {
    await scene.logIn('a page', {}, { headers: { Origin: 'https://app.example' } });
    await scene.logIn('a program');
  });
});

describe('[LIM3] too many connections from one address', () => {
  afterEach(async () => {
    await bystanders.untouched();
    await scene.close();
  });

  it('are refused with 429, until one of them closes', async () => {
    await open({ CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '5' });
    const clients = [await scene.connect(), await scene.connect(), await scene.logIn('mallory')];
    for (let i = 0; i < 3; i++) {
      const { status, body } = await refusedUpgrade(scene.server.port);
      expect(status).toBe(429);
      expect(errorOf(body)).toBe('too_many_connections');
    }
    clients[0]!.socket.close();
    await clients[0]!.closed;
    await scene.connect();
    expect((await refusedUpgrade(scene.server.port)).status).toBe(429);
  });

  it('are counted for each client of a trusted proxy, by what the proxy itself wrote', async () => {
    await open({
      CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '3',
      CARILLON_TRUSTED_PROXIES: '127.0.0.0/8,10.0.0.0/8',
    });
    const from = (forwarded: string) => ({ headers: { 'X-Forwarded-For': forwarded } });
    // The same address three times: by itself, behind a second trusted proxy, with a forged hop in front.
    await scene.connect(from('203.0.113.7'));
    await scene.connect(from('203.0.113.7, 10.1.2.3'));
    await scene.connect(from('198.51.100.1, 203.0.113.7'));
    for (const forwarded of [
      '203.0.113.7',
      '198.51.100.99, 203.0.113.7',
      '::1, ::ffff:203.0.113.7',
      'unknown, 203.0.113.7,10.9.9.9',
    ]) {
      expect((await refusedUpgrade(scene.server.port, from(forwarded))).status, forwarded).toBe(429);
    }
    // Another client of the proxy has its own count.
    await scene.logIn('another', {}, from('203.0.113.8'));
    await scene.logIn('by IPv6', {}, from('2001:db8::1'));
  });

  it('are counted by the socket where the proxy is not trusted, whatever it claims', async () => {
    await open({ CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '4', CARILLON_TRUSTED_PROXIES: '10.0.0.0/8' });
    for (let i = 0; i < 2; i++) await scene.connect({ headers: { 'X-Forwarded-For': `203.0.113.${i}` } });
    for (let i = 0; i < 5; i++) {
      expect(
        (await refusedUpgrade(scene.server.port, { headers: { 'X-Forwarded-For': `198.51.100.${i}` } }))
          .status,
      ).toBe(429);
    }
  });

  it('and those that come too fast, one after the other, with 429 and a time', async () => {
    await open({
      CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '5',
      CARILLON_LIMITS_CONNECTS_PER_SECOND: '1',
      CARILLON_LIMITS_CONNECT_BURST: '8',
      CARILLON_TRUSTED_PROXIES: '127.0.0.0/8',
    });
    const options = { headers: { 'X-Forwarded-For': '203.0.113.7' } };
    let letIn = 0;
    // At one a second they are as good as at once.
    for (let i = 0; i < 30; i++) {
      const client = await scene.connect(options).catch(() => null);
      if (client === null) break;
      letIn++;
      client.socket.close();
      await client.closed;
    }
    expect(letIn).toBeGreaterThanOrEqual(8);
    expect(letIn).toBeLessThan(30);
    const { status, body } = await refusedUpgrade(scene.server.port, options);
    expect([status, errorOf(body)]).toEqual([429, 'rate_limited']);
    await scene.connect({ headers: { 'X-Forwarded-For': '203.0.113.8' } });
  });

  it('and of the whole node are refused with 503', async () => {
    await open({ CARILLON_LIMITS_CONNECTIONS: '4' });
    for (let i = 0; i < 2; i++) await scene.connect();
    const { status, body } = await refusedUpgrade(scene.server.port);
    expect(status).toBe(503);
    expect(errorOf(body)).toBe('unavailable');
  });
});

describe('[LIM1] [LIM2] too many messages', () => {
  beforeAll(() => open());
  afterEach(() => bystanders.untouched());
  afterAll(() => scene.close());

  it('the first too many is told when to come again, and was not carried out', async () => {
    await scene.follow(['fan', 'mallory']);
    const fan = await scene.logIn('fan');
    const mallory = await scene.logIn('mallory');
    for (let i = 1; i <= 150; i++) mallory.send({ t: 'statusUpdate', a: `change ${i}`, i });
    await mallory.waitFor('the last reply', ({ i }) => i === 150);
    const refused = mallory.take().filter(({ t }) => t === 'err');
    expect(refused.length).toBeGreaterThan(20);
    for (const message of refused) {
      expect(message).toEqual({
        t: 'err',
        code: 'rate_limited',
        m: expect.any(String),
        i: expect.any(Number),
        retryAfterMs: expect.any(Number),
      });
      expect(message['retryAfterMs']).toBeGreaterThan(0);
      expect(message['retryAfterMs']).toBeLessThanOrEqual(1_000);
    }
    // The last was refused, so the fan must have ended at the newest one that was not.
    const passed = Array.from({ length: 150 }, (_, k) => k + 1).filter(
      (i) => !refused.some((message) => message['i'] === i),
    );
    const newest = `change ${passed.at(-1)}`;
    await fan.waitFor('the newest change that passed', ({ a }) => a === newest);
    await fan.settle();
    const told = fan
      .take()
      .filter(({ t }) => t === 'u')
      .map(({ a }) => a);
    expect(told.at(-1)).toBe(newest);
    expect(told.length).toBeLessThan(20);
  });

  async function flood(client: BareClient, message: string): Promise<{ close: number; bye: unknown }> {
    client.take();
    // A slow server may fill the bucket again between two messages: enough of them outrun any.
    for (let i = 0; i < 200_000 && client.closedWith === null; i++) {
      client.send(message);
      if (i % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
    }
    const { code } = await client.closed;
    const received = client.take();
    expect(
      received.filter((each) => each.t === 'err' && each['code'] === 'rate_limited').length,
    ).toBeGreaterThanOrEqual(199);
    return { close: code, bye: received.at(-1)!['code'] };
  }

  it.each([
    ['a flood of good messages', '{"t":"statusUpdate","s":"Busy"}', 4102, 'rate_limited'],
    ['a flood of probes', '{"t":"hb","q":1}', 4102, 'rate_limited'],
    ['a flood of rubbish', 'rubbish', 4207, 'bad_messages'],
  ])('%s ends the connection, with a word first', async (_title, message, close, bye) => {
    for (const client of [await scene.connect(), await scene.logIn('flooder')]) {
      expect(await flood(client, message)).toEqual({ close, bye });
    }
  });
});

describe('[LIM6] a user who logs in and out in a loop', () => {
  beforeAll(() => open({ CARILLON_LIMITS_NEW_SESSION_BURST: '6' }));
  afterEach(() => bystanders.untouched());
  afterAll(() => scene.close());

  it('is told when to come again, and followers see no more of it', async () => {
    await scene.follow(['fan', 'mallory']);
    const fan = await scene.logIn('fan');
    const token = await loginToken('mallory');
    let letIn = 0;
    let refused: Wire | undefined;
    // At one a second, far fewer than 60 get in, however slow the machine is.
    for (let i = 0; i < 60 && refused === undefined; i++) {
      const client = await scene.connect();
      client.send({ t: 'login', username: 'mallory', token, i: 1 });
      client.send({ t: 'logout' });
      const { code } = await client.closed;
      const messages = client.take();
      refused = messages.find(({ t }) => t === 'err');
      expect(code).toBe(refused === undefined ? 4205 : 4102);
      if (refused === undefined) letIn++;
      else
        expect(messages.at(-1)).toEqual({
          t: 'bye',
          code: 'rate_limited',
          advice: 'reconnect',
          afterMs: refused['retryAfterMs'],
          m: expect.any(String),
        });
    }
    expect(refused).toEqual({
      t: 'err',
      code: 'rate_limited',
      m: expect.any(String),
      i: 1,
      retryAfterMs: expect.any(Number),
    });
    expect(refused!['retryAfterMs']).toBeGreaterThan(0);
    expect(refused!['retryAfterMs']).toBeLessThanOrEqual(1_000);
    expect(letIn).toBeGreaterThanOrEqual(6);
    await fan.settle();
    expect(fan.take().map(({ t }) => t)).toEqual(Array.from({ length: letIn }, () => ['o', 'x']).flat());
  });
});

describe('[LOG1] a login that never comes', () => {
  beforeAll(() => open({ CARILLON_SESSIONS_LOGIN_TIMEOUT_MS: '300' }));
  afterEach(() => bystanders.untouched());
  afterAll(() => scene.close());

  it('is not waited for, whatever else comes', async () => {
    const silent = await scene.connect();
    const probing = await scene.connect();
    const wrong = await scene.connect();
    probing.send('{"t":"hb","q":1}');
    wrong.send('{"t":"login","username":"mallory","token":7}');
    for (const client of [silent, probing, wrong]) {
      expect(await client.closed).toMatchObject({ code: 4101 });
      expect(client.take().at(-1)).toEqual({
        t: 'bye',
        code: 'login_timeout',
        advice: 'reconnect',
        m: expect.any(String),
      });
    }
  });

  it('nor is a peer that opens a WebSocket and reads nothing', async () => {
    const deaf = await openRawWebSocket(scene.server.port);
    deaf.socket.pause();
    const ended = once(deaf.socket, 'close');
    const next = await scene.connect();
    await next.closed;
    deaf.socket.resume();
    deaf.socket.end();
    await ended;
    expect(deaf.texts.map((text) => (JSON.parse(text) as { code: string }).code)).toEqual(['login_timeout']);
  });
});

describe('sockets that do not play along', () => {
  beforeAll(() => open({}, { inspect: true }));
  afterEach(() => bystanders.untouched());
  afterAll(() => scene.close());

  const openSockets = async (): Promise<number> => (await scrape(scene.server)).value('process_open_fds');

  it('an upgrade that was refused leaves no socket open, though the peer keeps its half', async () => {
    const before = await openSockets();
    const peers = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = await connectRaw(scene.server.port);
        socket.resume();
        const answered = once(socket, 'data');
        socket.write(upgradeRequest(scene.server.port, 'Origin: https://evil.example\r\n'));
        await answered;
        return socket;
      }),
    );
    await bystanders.untouched();
    expect((await openSockets()) - before).toBeLessThan(20);
    for (const peer of peers) peer.destroy();
  });

  it.each([
    ['pings whose pongs nobody reads', frame(0x89, Buffer.alloc(125, 'p'))],
    ['probes whose echoes nobody reads', textFrame('{"t":"hb","q":1}')],
    ['rubbish whose refusals nobody reads', textFrame('rubbish')],
  ])('%s end the connection, and hold no memory until then', async (_title, one) => {
    const deaf = await openRawWebSocket(scene.server.port);
    deaf.socket.pause();
    const before = await liveHeapBytes(scene.server);
    const many = Buffer.concat(Array.from({ length: Math.ceil(250_000 / one.length) }, () => one));
    const written = Promise.withResolvers<void>();
    const ended = new Promise<void>((resolve) => {
      for (const event of ['error', 'end', 'close']) deaf.socket.once(event, () => resolve());
    });
    // 25 MB; a server that ends the connection leaves most of it unsent.
    for (let i = 0; i < 100; i++) deaf.socket.write(many, i === 99 ? () => written.resolve() : undefined);
    await within(
      Promise.race([written.promise, ended]),
      'the server took everything or ended the connection',
    );
    expect((await liveHeapBytes(scene.server)) - before).toBeLessThan(4_000_000);
    deaf.socket.resume();
    await within(ended, 'the server ends the connection');
    deaf.socket.destroy();
  });
});
