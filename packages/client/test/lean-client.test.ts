import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LeanClient, type LeanOptions, createLeanClientOn } from '../src/lean/lean-client.ts';
import { hostPlatform } from '../src/platform.ts';
import { type LiteralServer, type Peer, startLiteralServer } from './literal-server.ts';

const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}';

type Message = { readonly t: string; readonly i: number } & Record<string, unknown>;

let server: LiteralServer;
let client: LeanClient;
/** Fires the client's timers of this length, ms. */
let fire: (delayMs: number) => void;
let timers: Map<() => void, number>;

function open(options: Partial<LeanOptions> = {}): LeanClient {
  const host = hostPlatform();
  timers = new Map();
  fire = (delayMs) => {
    for (const [run, ms] of timers) if (ms === delayMs) run();
  };
  client = createLeanClientOn(
    {
      ...host,
      random: () => 0,
      setTimer(delayMs, run) {
        const cancel = host.setTimer(delayMs, once);
        function once(): void {
          cancel();
          timers.delete(once);
          run();
        }
        timers.set(once, delayMs);
        return () => {
          cancel();
          timers.delete(once);
        };
      },
    },
    { url: server.url, username: 'alice', token: 'jwt', ...options },
  );
  return client;
}

async function connect(): Promise<Peer> {
  client.connect();
  const peer = await server.peer();
  await peer.next();
  const live = connected();
  peer.send(TOKEN, '{"t":"sync","users":[{"username":"bob","s":"Online"}]}');
  await live;
  return peer;
}

function connected(): Promise<void> {
  return new Promise((resolve) => {
    const off = client.onConnection(({ status }) => {
      if (status !== 'connected') return;
      off();
      resolve();
    });
  });
}

async function nextOf(peer: Peer): Promise<Message> {
  return JSON.parse(await peer.next()) as Message;
}

beforeEach(async () => {
  server = await startLiteralServer();
});

afterEach(async () => {
  client.disconnect();
  await server.stop();
});

describe('a lean client', () => {
  it('[LOG1] says nothing of its user but who it is', async () => {
    open({ device: 'till-3' });
    client.connect();
    const peer = await server.peer();
    const login = JSON.parse(await peer.next()) as object;
    expect(login).toEqual({ t: 'login', username: 'alice', token: 'jwt', v: 1, i: 6, device: 'till-3' });
  });

  it('[PUB1] publishes, sets and deletes, each answered by its request', async () => {
    open();
    const peer = await connect();
    const published = client.stream('chat:{room}', { room: 'a b' }).publish({ n: 1 }, { echo: false });
    const set = client.map('board:b').set('k', [1], { version: 3, ttlMs: 5_000 });
    const deleted = client.map('board:b').delete('k');
    const requests = [await nextOf(peer), await nextOf(peer), await nextOf(peer)];
    const [first, second, third] = requests.map(({ i }) => i);
    expect(requests).toEqual([
      { t: 'pub', i: first, c: 'chat:a%20b', echo: false, d: { n: 1 } },
      { t: 'pub', i: second, c: 'board:b', k: 'k', ver: 3, ttl: 5_000, d: [1] },
      { t: 'pub', i: third, c: 'board:b', k: 'k', del: true },
    ]);
    expect(requests.every(({ i }) => i % 2 === 1)).toBe(true);
    peer.send(`{"t":"err","i":${third},"code":"forbidden","m":"no"}`);
    peer.send(`{"t":"ok","i":${second},"e":"e1","o":7,"old":true}`, `{"t":"ok","i":${first},"e":"e2","o":1}`);
    await expect(deleted).rejects.toMatchObject({ code: 'forbidden', unknown: false });
    expect(await set).toEqual({ position: { epoch: 'e1', offset: 7 }, duplicate: false, outdated: true });
    expect(await published).toMatchObject({ position: { epoch: 'e2', offset: 1 }, outdated: false });
  });

  it('[CALL1] calls, and tells which of its errors a call ended with', async () => {
    open();
    const peer = await connect();
    const sum = client.call('add', [1, 2], { timeoutMs: 1_234 });
    const asked = await nextOf(peer);
    expect(asked).toEqual({ t: 'call', i: asked.i, n: 'add', ms: 1_234, d: [1, 2] });
    peer.send(`{"t":"ok","i":${asked.i},"d":3}`);
    expect(await sum).toBe(3);
    const failed = client.call('add', [-1]);
    const { i } = await nextOf(peer);
    peer.send(`{"t":"err","i":${i},"code":"call_failed","m":"","n":"negative","d":-1}`);
    const error: unknown = await failed.catch((reason: unknown) => reason);
    expect(client.callError('add', error)).toEqual({ code: 'negative', data: -1 });
    expect(client.callError('add', new Error('negative'))).toBeUndefined();
  });

  it('can be used by whoever hears that it is connected', async () => {
    open();
    const called: Promise<unknown>[] = [];
    client.onConnection(({ status }) => {
      if (status === 'connected') called.push(client.call('hello', null));
    });
    const peer = await connect();
    const { i } = await nextOf(peer);
    peer.send(`{"t":"ok","i":${i},"d":"hi"}`);
    expect(await called[0]).toBe('hi');
  });

  it('refuses at once what cannot be sent: without a line, too large, no JSON, without an outbox', async () => {
    open({ messageBytes: 100 });
    const { publish } = client.stream('chat:x');
    await expect(publish(1)).rejects.toMatchObject({ code: 'line_lost', unknown: false });
    await connect();
    await expect(publish('x'.repeat(100))).rejects.toMatchObject({ code: 'too_large' });
    await expect(publish(1n)).rejects.toMatchObject({ code: 'payload_invalid' });
    await expect(publish(1, { durable: true })).rejects.toMatchObject({ code: 'options_invalid' });
    await expect(client.call('f', 1, { durable: true })).rejects.toMatchObject({ code: 'options_invalid' });
    expect(() => client.stream('chat:{room}', { room: '' })).toThrow('channel_invalid');
    expect(() => open({ messageBytes: 0 })).toThrow('options_invalid');
  });

  it('[MSG4] a message of exactly the most bytes goes out, one more does not', async () => {
    open({ messageBytes: 60 });
    const peer = await connect();
    const { publish } = client.stream('chat:x');
    const envelope = '{"t":"pub","i":1,"c":"chat:x","d":""}'.length;
    void publish('é'.repeat((60 - envelope - 1) / 2) + 'x');
    expect(await nextOf(peer)).toMatchObject({ t: 'pub' });
    await expect(publish('é'.repeat((60 - envelope + 1) / 2))).rejects.toMatchObject({ code: 'too_large' });
  });

  it('what was under way when the line goes is told as lost, and may have been carried out', async () => {
    open();
    const peer = await connect();
    const published = client.stream('chat:x').publish(1);
    const called = client.call('f', 1);
    await nextOf(peer);
    await nextOf(peer);
    peer.cut();
    await expect(published).rejects.toMatchObject({ code: 'line_lost', unknown: true });
    await expect(called).rejects.toMatchObject({ code: 'line_lost', unknown: true });
  });

  it('a logout and a reason to stop are told to whoever waits, and to whoever comes after', async () => {
    open();
    let peer = await connect();
    const called = client.call('f', 1);
    await nextOf(peer);
    const left = client.logout();
    await expect(called).rejects.toMatchObject({ code: 'logged_out', unknown: true });
    peer.close(4205);
    await left;
    peer = await connect();
    const again = client.call('f', 1);
    await nextOf(peer);
    peer.close(4208);
    await expect(again).rejects.toMatchObject({ code: 'revoked', unknown: true });
    await expect(client.call('f', 1)).rejects.toMatchObject({ code: 'revoked', unknown: false });
  });

  it('[LIM1] a refusal that names no request is that of the large one; of several nobody knows which', async () => {
    open();
    const peer = await connect();
    const { publish } = client.stream('chat:x');
    const refusal = '{"t":"err","code":"rate_limited","m":"","retryAfterMs":40}';
    const small = publish(1);
    const large = publish('x'.repeat(5_000));
    const { i } = await nextOf(peer);
    await nextOf(peer);
    peer.send(refusal);
    await expect(large).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 40, unknown: false });
    const both = [publish('y'.repeat(5_000)), publish('z'.repeat(5_000))];
    await nextOf(peer);
    await nextOf(peer);
    peer.send(refusal);
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'rate_limited', unknown: true });
    peer.send(`{"t":"ok","i":${i},"e":"e1","o":1}`);
    expect(await small).toMatchObject({ duplicate: false });
  });

  it('[CALL2] a call ends when its time is over; the line stays, and a late answer is passed over', async () => {
    open();
    const peer = await connect();
    const called = client.call('f', 1, { timeoutMs: 7_000 });
    const { i } = await nextOf(peer);
    fire(7_000);
    await expect(called).rejects.toMatchObject({ code: 'deadline_exceeded', unknown: true });
    peer.send(`{"t":"ok","i":${i},"d":1}`);
    const next = client.call('f', 2);
    const other = await nextOf(peer);
    peer.send(`{"t":"ok","i":${other.i},"d":2}`);
    expect(await next).toBe(2);
  });

  it('a publication that is owed its answer for 30 s shows that the line is of no use', async () => {
    open();
    const peer = await connect();
    const published = client.stream('chat:x').publish(1);
    await nextOf(peer);
    const told: unknown[] = [];
    client.onConnection(({ reason }) => told.push(reason));
    fire(30_000);
    await expect(published).rejects.toMatchObject({ code: 'line_lost', unknown: true });
    expect(told[0]).toBe('reply_missing');
  });

  it('leaves no timer behind an answer', async () => {
    open();
    const peer = await connect();
    const before = timers.size;
    const called = client.call('f', 1);
    const { i } = await nextOf(peer);
    expect(timers.size).toBe(before + 1);
    peer.send(`{"t":"ok","i":${i},"d":1}`);
    await called;
    expect(timers.size).toBe(before);
  });
});
