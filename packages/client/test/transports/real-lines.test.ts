import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClientOn } from '../../src/client.ts';
import type { Client, ConnectionChange } from '../../src/index.ts';
import { type PageEvent, hostPlatform } from '../../src/platform.ts';
import { type RealServer, contract, startRealServer } from '../real-server.ts';
import { type Proxy, startProxy } from './proxy.ts';

const WAYS = ['websocket', 'sse', 'longpoll'] as const;

let real: RealServer;
let proxy: Proxy;
const people: Person[] = [];
let rooms = 0;

type Person = {
  readonly client: Client<typeof contract>;
  readonly told: ConnectionChange[];
  tell(event: PageEvent): void;
  /** Waits for a connection by this way. */
  on(transport: string): Promise<void>;
};

beforeAll(async () => {
  real = await startRealServer({ messagesPerSecond: 100_000, messageBurst: 100_000, sseKeepAliveMs: 1_000 });
});

afterAll(() => real?.close());

afterEach(async () => {
  for (const { client } of people.splice(0)) await client.logout();
  await proxy?.close();
});

/** A client behind a proxy of its own, in a page that the test speaks for. */
function come(user: string, url: string, transports?: readonly (typeof WAYS)[number][]): Person {
  const watchers = new Set<(event: PageEvent) => void>();
  const client = createClientOn(
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
    { url, username: user, token: user, transports },
  ) as unknown as Client<typeof contract>;
  const told: ConnectionChange[] = [];
  client.onConnection((change) => void told.push(change));
  client.connect();
  const person: Person = {
    client,
    told,
    tell: (event) => {
      for (const watcher of watchers) watcher(event);
    },
    on: (transport) => when(client, (change) => change.transport === transport),
  };
  people.push(person);
  return person;
}

function when(client: Client<typeof contract>, holds: (change: ConnectionChange) => boolean): Promise<void> {
  if (holds(client.connection)) return Promise.resolve();
  return new Promise((resolve) => {
    const off = client.onConnection((change) => {
      if (!holds(change)) return;
      off();
      resolve();
    });
  });
}

/** Collects a room's publications, and resolves when so many are there. */
function listen(
  client: Client<typeof contract>,
  room: string,
): { seen: number[]; has(count: number): Promise<void> } {
  const seen: number[] = [];
  let check = (): void => {};
  const chat = client.stream('chat:{room}', { room });
  chat.onPublication(({ data }) => {
    seen.push(data);
    check();
  });
  return {
    seen,
    has: (count) =>
      new Promise((resolve) => {
        check = () => seen.length >= count && resolve();
        check();
      }),
  };
}

async function begin(): Promise<string> {
  proxy = await startProxy(real.port);
  return `ws://127.0.0.1:${proxy.port}/ws`;
}

describe.each(WAYS)('over %s', (way) => {
  it('[MSG1] [HTTP2] [HTTP3] logs in, publishes in order, calls, and is called', async () => {
    const room = `r${++rooms}`;
    const person = come('alice', await begin(), [way]);
    const { client } = person;
    await person.on(way);
    const chat = listen(client, room);
    await client.stream('chat:{room}', { room }).subscribe();
    const numbers = Array.from({ length: 300 }, (_, at) => at);
    await Promise.all(numbers.map((number) => client.stream('chat:{room}', { room }).publish(number)));
    await chat.has(300);
    expect(chat.seen).toEqual(numbers);
    expect(await client.call('add', [1, 2])).toBe(3);
    client.onCall('confirm', (question) => question + 1);
    expect(await real.server.ask({ session: client.session! }, 'confirm', 4)).toMatchObject({
      value: [{ ok: true, output: 5 }],
    });
  });

  it('[RES1] [REC1] goes on with its session after a cut, and misses and repeats nothing', async () => {
    const room = `r${++rooms}`;
    const person = come('alice', await begin(), [way]);
    await person.on(way);
    const { session } = person.client;
    const chat = listen(person.client, room);
    await person.client.stream('chat:{room}', { room }).subscribe();
    const sent: Promise<unknown>[] = [];
    for (let at = 0; at < 40; at++) {
      sent.push(person.client.stream('chat:{room}', { room }).publish(at));
      if (at % 10 === 5) proxy.cut();
      await chat.has(Math.max(0, at - 3));
    }
    await Promise.all(sent);
    await chat.has(40);
    expect(chat.seen).toEqual(sent.map((_, at) => at));
    expect(person.client.session).toBe(session);
  });
});

describe('[HTTP3] behind a proxy that loses answers and repeats requests', () => {
  it.each(['sse', 'longpoll'] as const)('what is sent over %s is taken once', async (way) => {
    const room = `r${++rooms}`;
    const person = come('alice', await begin(), [way]);
    await person.on(way);
    const chat = listen(person.client, room);
    await person.client.stream('chat:{room}', { room }).subscribe();
    for (let at = 0; at < 12; at++) {
      if (at % 4 === 1) proxy.loseAnswers = 1;
      if (at % 4 === 3) proxy.repeat = 1;
      await person.client.stream('chat:{room}', { room }).publish(at);
    }
    await chat.has(12);
    expect(chat.seen).toEqual(Array.from({ length: 12 }, (_, at) => at));
    expect(person.told.filter(({ status }) => status === 'disconnected')).toEqual([]);
  });
});

describe('behind a proxy that knows no WebSocket', () => {
  it('[RES3] falls back, and climbs when it learned it, while others publish and friends see nothing', async () => {
    const room = `r${++rooms}`;
    const url = await begin();
    proxy.upgrade = 'refuse';
    const person = come('alice', url);
    await person.on('sse');
    const { session } = person.client;
    const chat = listen(person.client, room);
    await person.client.stream('chat:{room}', { room }).subscribe();
    const other = come('bob', `ws://127.0.0.1:${real.port}/ws`);
    await other.on('websocket');
    const room2 = other.client.stream('chat:{room}', { room });
    let at = 0;
    proxy.upgrade = 'pass';
    person.told.length = 0;
    person.tell('moved');
    while (person.client.connection.transport !== 'websocket') await room2.publish(at++);
    await room2.publish(at++);
    await chat.has(at);
    expect(chat.seen).toEqual(Array.from({ length: at }, (_, number) => number));
    expect(person.told).toEqual([
      { status: 'connected', reason: null, retryInMs: null, transport: 'websocket' },
    ]);
    expect(person.client.session).toBe(session);
    expect(person.client.stream('chat:{room}', { room }).state.status).toBe('live');
  });

  it('keeps streams back and cuts what is idle: long polls get through, and climb to a stream', async () => {
    const url = await begin();
    proxy.upgrade = 'refuse';
    proxy.buffer = true;
    const person = come('alice', url);
    await person.on('longpoll');
    expect(await person.client.call('add', [2, 3])).toBe(5);
    proxy.buffer = false;
    person.tell('moved');
    await person.on('sse');
    expect(await person.client.call('add', [2, 4])).toBe(6);
  });
});
