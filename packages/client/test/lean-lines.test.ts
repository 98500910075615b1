import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LeanClient, type LeanOptions, createLeanClientOn } from '../src/lean/lean-client.ts';
import { allTransports } from '../src/lean/lean.ts';
import { type OutboxStore, createOutbox, memoryStore } from '../src/outbox/index.ts';
import { type PageEvent, hostPlatform } from '../src/platform.ts';
import { type RealServer, contract, startRealServer } from './real-server.ts';
import { type Proxy, startProxy } from './transports/proxy.ts';

const WAYS = ['websocket', 'sse', 'longpoll'] as const;

let real: RealServer;
let proxy: Proxy;
let client: LeanClient<typeof contract>;
let rooms = 0;
let tell: (event: PageEvent) => void;

beforeAll(async () => {
  real = await startRealServer();
});
afterAll(() => real.close());
afterEach(async () => {
  await client.logout();
  await proxy.close();
});

/** A lean client of alice's with all ways, an outbox on this store, and a proxy between it and the server. */
async function come(store: OutboxStore, options: Partial<LeanOptions> = {}): Promise<void> {
  const watchers = new Set<(event: PageEvent) => void>();
  tell = (event) => {
    for (const watcher of watchers) watcher(event);
  };
  client = createLeanClientOn(
    {
      ...hostPlatform(),
      // Pauses are none.
      random: () => 0,
      page: {
        hidden: () => false,
        watch(listener) {
          watchers.add(listener);
          return () => void watchers.delete(listener);
        },
      },
    },
    {
      url: `ws://127.0.0.1:${proxy.port}/ws`,
      username: 'alice',
      token: 'alice',
      fallback: allTransports,
      outbox: createOutbox({ store }),
      ...options,
    },
  );
  client.connect();
}

function on(transport: string): Promise<void> {
  return new Promise((resolve) => {
    const off = client.onConnection((change) => look(change.transport));
    function look(now: string | undefined): void {
      if (now !== transport) return;
      off();
      resolve();
    }
    look(client.connection.transport);
  });
}

/** What the server has. */
async function logOf(room: string): Promise<unknown[]> {
  const { client: reader } = real.client('reader');
  const { publications } = await reader.stream('chat:{room}', { room }).history({ after: null, limit: 500 });
  reader.disconnect();
  return publications.map(({ data }) => data);
}

describe.each(WAYS)('a lean client with all transports, over %s', (way) => {
  it('[PUB7] [HTTP3] what it publishes is applied once and in order, whatever is cut, and its calls are answered', async () => {
    const room = `lean${++rooms}`;
    proxy = await startProxy(real.port);
    await come(memoryStore(), { transports: [way] });
    await on(way);
    const chat = client.stream('chat:{room}', { room });
    const numbers = Array.from({ length: 60 }, (_, at) => at);
    const published = numbers.map(async (number) => {
      await chat.publish(number);
      if (number % 20 === 7) proxy.cut();
    });
    await Promise.all(published);
    expect(await logOf(room)).toEqual(numbers);
    expect(await client.call('add', [1, 2], { durable: true })).toBe(3);
    await on(way);
    expect(await client.call('add', [1, 3])).toBe(4);
    const failed: unknown = await client.call('add', [-1]).catch((error: unknown) => error);
    expect(client.callError('add', failed)).toEqual({ code: 'negative', data: -1 });
  });
});

describe('a lean client behind a proxy that knows no WebSocket', () => {
  it('[RES3] falls back, climbs again with its session, and what it published meanwhile is there once', async () => {
    const room = `lean${++rooms}`;
    proxy = await startProxy(real.port);
    proxy.upgrade = 'refuse';
    await come(memoryStore());
    const chat = client.stream('chat:{room}', { room });
    const early = [1, 2, 3].map((number) => chat.publish(number));
    await on('sse');
    const { session } = client;
    await Promise.all(early);
    proxy.upgrade = 'pass';
    const later = [4, 5, 6].map((number) => chat.publish(number));
    tell('moved');
    await on('websocket');
    await Promise.all(later);
    expect(client.session).toBe(session);
    expect(await logOf(room)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('[PUB7] goes on with what an earlier life of the page left', async () => {
    const room = `lean${++rooms}`;
    const store = memoryStore();
    proxy = await startProxy(real.port);
    proxy.upgrade = 'refuse';
    await come(store);
    client.disconnect();
    const chat = client.stream('chat:{room}', { room });
    const kept = new Promise<void>((resolve) => {
      client.outbox?.onChange((changed) => changed.some(({ data }) => data === 2) && resolve());
    });
    void chat.publish(1);
    void chat.publish(2);
    await kept;
    await client.outbox?.close();
    await come(store);
    await client.outbox?.ready;
    expect(client.outbox?.waiting).toBe(2);
    await client.stream('chat:{room}', { room }).publish(3);
    expect(await logOf(room)).toEqual([1, 2, 3]);
  });
});
