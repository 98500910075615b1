import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClientOn } from '../src/client.ts';
import type { Client, ClientOptions } from '../src/index.ts';
import {
  type OutboxEntry,
  type OutboxSharing,
  type OutboxStore,
  createOutbox,
  memoryStore,
} from '../src/outbox/index.ts';
import { createLeanClientOn } from '../src/lean/lean-client.ts';
import { hostPlatform } from '../src/platform.ts';
import { type LiteralServer, type Peer, startLiteralServer } from './literal-server.ts';

const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}';

type Message = { readonly t: string; readonly i: number } & Record<string, unknown>;

/** Both clients that can have an outbox; what is used of the lean one here is as that of the other. */
const MAKERS = [
  ['a client', createClientOn],
  ['a lean client', createLeanClientOn as unknown as typeof createClientOn],
] as const;

let createOn: typeof createClientOn;
let server: LiteralServer;
let clients: Client[];
let store: OutboxStore;

/** A page of the app: alice's unless it says otherwise. */
function open(options: Partial<ClientOptions> = {}): Client {
  const client = createOn(
    { ...hostPlatform(), random: () => 0.5 },
    { url: server.url, username: 'alice', token: 'jwt', outbox: createOutbox({ store }), ...options },
  );
  clients.push(client);
  return client;
}

async function connect(client: Client): Promise<Peer> {
  client.connect();
  const peer = await server.peer();
  await peer.next();
  const live = new Promise<void>((resolve) => {
    const off = client.onConnection(({ status }) => {
      if (status !== 'connected') return;
      off();
      resolve();
    });
  });
  peer.send(TOKEN, '{"t":"sync","users":[]}');
  await live;
  return peer;
}

async function nextOf(peer: Peer): Promise<Message> {
  return JSON.parse(await peer.next()) as Message;
}

function seen(client: Client, holds: (entries: readonly OutboxEntry[]) => boolean): Promise<void> {
  const { outbox } = client;
  return new Promise((resolve) => {
    const look = (): void => {
      if (!holds(outbox!.entries())) return;
      off();
      resolve();
    };
    const off = outbox!.onChange(look);
    look();
  });
}

beforeEach(async () => {
  server = await startLiteralServer();
  clients = [];
  store = memoryStore();
});

afterEach(async () => {
  for (const client of clients) client.disconnect();
  await server.stop();
});

describe.each(MAKERS)('%s with an outbox', (_, maker) => {
  beforeAll(() => {
    createOn = maker;
  });

  it('[PUB7] takes publications before it was ever connected, and sends them from the next life of the page', async () => {
    const before = open();
    const chat = before.stream('chat:{room}', { room: 'x' });
    void chat.publish({ text: 'one' });
    void chat.publish({ text: 'two' }, { echo: false });
    await seen(before, (entries) => entries.length === 2);
    const client = open();
    await client.outbox!.ready;
    expect(client.outbox!.waiting).toBe(2);
    expect(client.outbox!.entries()).toMatchObject([
      {
        number: 1,
        channel: 'chat:x',
        call: null,
        key: null,
        data: { text: 'one' },
        state: 'queued',
        error: null,
      },
      { number: 2, channel: 'chat:x', data: { text: 'two' }, state: 'queued', firstSentAtMs: null },
    ]);
    const peer = await connect(client);
    const first = await nextOf(peer);
    expect(first).toEqual({ t: 'pub', i: first.i, c: 'chat:x', q: first['q'], n: 1, d: { text: 'one' } });
    expect(first['q']).toMatch(/^[-0-9a-z]{10,64}$/);
    peer.send(`{"t":"ok","i":${first.i},"e":"e1","o":1}`);
    const second = await nextOf(peer);
    expect(second).toEqual({
      t: 'pub',
      i: second.i,
      c: 'chat:x',
      q: first['q'],
      n: 2,
      echo: false,
      d: { text: 'two' },
    });
    peer.send(`{"t":"ok","i":${second.i},"e":"e1","o":2}`);
    await seen(client, (entries) => entries.length === 0);
  });

  it('[PUB7] sends what was not answered again on the next line, under its number, and resolves its promise', async () => {
    const client = open();
    let peer = await connect(client);
    const published = client.map('board:{id}', { id: 'b' }).set('k', 1);
    const first = await nextOf(peer);
    const told: string[] = [];
    client.outbox!.onChange((entries) => told.push(...entries.map(({ state }) => state)));
    peer.cut();
    peer = await connect(client);
    const again = await nextOf(peer);
    expect([again['q'], again['n'], again['k']]).toEqual([first['q'], 1, 'k']);
    peer.send(`{"t":"ok","i":${again.i},"e":"e1","o":7,"dup":true}`);
    expect(await published).toEqual({
      position: { epoch: 'e1', offset: 7 },
      duplicate: true,
      outdated: false,
    });
    expect(told).toEqual(['confirmed']);
  });

  it('[CALL6] a durable call goes out with its key until it is answered', async () => {
    const client = open();
    let peer = await connect(client);
    const called = client.call('add', [1, 2], { durable: true });
    const first = await nextOf(peer);
    expect(first).toMatchObject({ t: 'call', n: 'add', d: [1, 2], ms: 10_000 });
    expect(first['id']).toMatch(/^[-0-9a-z]{10,}:1$/);
    peer.cut();
    peer = await connect(client);
    const again = await nextOf(peer);
    expect(again['id']).toBe(first['id']);
    peer.send(`{"t":"ok","i":${again.i},"d":3}`);
    expect(await called).toBe(3);
    const failed = client.call('add', [-1], { durable: true });
    const { i } = await nextOf(peer);
    peer.send(`{"t":"err","i":${i},"code":"call_failed","m":"","n":"negative","d":-1}`);
    await expect(failed).rejects.toMatchObject({ code: 'call_failed', error: 'negative', data: -1 });
    expect(client.outbox!.entries()).toMatchObject([
      {
        call: 'add',
        channel: null,
        state: 'rejected',
        error: { code: 'call_failed', error: 'negative', data: -1 },
      },
    ]);
  });

  it('a refusal rejects with all that the server said, stays until it is dismissed, and holds up nobody', async () => {
    const client = open();
    const peer = await connect(client);
    const chat = client.stream('chat:x');
    const bad = chat.publish(1);
    void chat.publish(2);
    const { i } = await nextOf(peer);
    peer.send(`{"t":"err","i":${i},"code":"payload_invalid","m":"no","path":"/a"}`);
    await expect(bad).rejects.toMatchObject({
      code: 'payload_invalid',
      path: '/a',
      message: 'payload_invalid: no',
    });
    expect(await nextOf(peer)).toMatchObject({ n: 2, d: 2 });
    const [entry] = client.outbox!.entries();
    expect(entry).toMatchObject({ state: 'rejected', error: { code: 'payload_invalid', path: '/a' } });
    expect(client.outbox!.waiting).toBe(1);
    client.outbox!.dismiss(entry!);
    await seen(client, (entries) => entries.length === 1);
  });

  it('what is not durable goes its own way: signals, `durable: false`, calls, and all but what asks where the app wants it so', async () => {
    const client = open();
    const peer = await connect(client);
    void client.stream('chat:x').publish(1, { durable: false, id: 'mine' });
    expect(await nextOf(peer)).toMatchObject({ id: 'mine', d: 1 });
    void client.call('add', []);
    expect(await nextOf(peer)).not.toHaveProperty('id');
    const asked = open({ outbox: createOutbox({ store: memoryStore(), publications: 'asked' }) });
    const other = await connect(asked);
    void asked.stream('chat:x').publish(1);
    expect(await nextOf(other)).not.toHaveProperty('n');
    void asked.stream('chat:y').publish(2, { durable: true });
    expect(await nextOf(other)).toMatchObject({ n: 1, d: 2 });
  });

  it('says at once what cannot be: an id beside a number, an outbox that is not there', async () => {
    const client = open();
    await expect(client.stream('chat:x').publish(1, { id: 'mine' })).rejects.toMatchObject({
      code: 'options_invalid',
    });
    const without = open({ outbox: undefined });
    expect(without.outbox).toBeNull();
    await expect(without.stream('chat:x').publish(1, { durable: true })).rejects.toMatchObject({
      code: 'options_invalid',
    });
    await expect(without.call('f', 1, { durable: true })).rejects.toMatchObject({ code: 'options_invalid' });
    for (const wrong of [{ count: 0 }, { bytes: NaN }, { kept: -1 }, { laneDays: 0 }])
      expect(() => createOutbox({ store, ...wrong })).toThrow('options_invalid');
  });

  it('a logout erases the queue, refuses who waits, and tells beforehand how much that is', async () => {
    const client = open();
    const waiting = client.stream('chat:x').publish(1);
    await seen(client, (entries) => entries.length === 1);
    expect(client.outbox!.waiting).toBe(1);
    const peer = await connect(client);
    await nextOf(peer);
    const left = client.logout();
    await expect(waiting).rejects.toMatchObject({ code: 'logged_out', unknown: true });
    peer.close(4205);
    await left;
    expect(client.outbox!.entries()).toEqual([]);
    const next = open();
    await next.outbox!.ready;
    expect(next.outbox!.entries()).toEqual([]);
  });

  it('another user, and the same at another server, never sees nor sends it', async () => {
    void open().stream('chat:x').publish(1);
    const bob = open({ username: 'bob' });
    const elsewhere = open({ url: `${server.url}2` });
    await Promise.all([bob.outbox!.ready, elsewhere.outbox!.ready]);
    expect([bob.outbox!.entries(), elsewhere.outbox!.entries()]).toEqual([[], []]);
  });

  it('takes back what was not sent', async () => {
    const client = open();
    const published = client.stream('chat:x').publish(1);
    await seen(client, (entries) => entries.length === 1);
    expect(await client.outbox!.cancel({ number: 1 })).toBe(true);
    await expect(published).rejects.toMatchObject({ code: 'cancelled', unknown: false });
    expect(client.outbox!.waiting).toBe(0);
  });

  it('works in memory where the store is refused, and says so', async () => {
    const refused: OutboxStore = { open: () => Promise.reject(new Error('SecurityError')) };
    const client = open({ outbox: createOutbox({ store: refused }) });
    const published = client.stream('chat:x').publish(1);
    const peer = await connect(client);
    const { i } = await nextOf(peer);
    peer.send(`{"t":"ok","i":${i},"e":"e1","o":1}`);
    expect(await published).toMatchObject({ duplicate: false });
    expect(client.outbox!.durable).toBe(false);
  });

  it('a store that is durable says so, with an event', async () => {
    const durable: OutboxStore = {
      open: async (name) => ({ ...(await store.open(name)), durable: true }),
    };
    const client = open({ outbox: createOutbox({ store: durable }) });
    expect(client.outbox!.durable).toBe(false);
    const changed = new Promise<void>((resolve) =>
      client.outbox!.onChange((entries) => entries.length === 0 && resolve()),
    );
    await changed;
    expect(client.outbox!.durable).toBe(true);
  });

  it('once it is closed it asks for the lock no more: another that could send would wait for it', async () => {
    let led = 0;
    let onLed = (): void => {};
    const leads = new Promise<void>((resolve) => (onLed = resolve));
    const sharing: OutboxSharing = {
      lead(lead) {
        led++;
        lead(true);
        onLed();
        return () => {};
      },
      post: () => {},
      listen: () => () => {},
    };
    const shared: OutboxStore = { open: async (name) => ({ ...(await store.open(name)), sharing }) };
    const client = open({ outbox: createOutbox({ store: shared }) });
    const peer = await connect(client);
    await leads;
    await client.outbox!.close();
    const live = new Promise<void>((resolve) => {
      client.onConnection(({ status }) => {
        if (status === 'connected') resolve();
      });
    });
    peer.cut();
    await connect(client);
    await live;
    // Behind everything that it does with its store.
    await client.outbox!.close();
    expect(led).toBe(1);
  });

  it('closes its store once, however often it is asked to, and at whatever moment', async () => {
    let closed = 0;
    const closing: OutboxStore = {
      open: async (name) => ({ ...(await store.open(name)), close: async () => void closed++ }),
    };
    const client = open({ outbox: createOutbox({ store: closing }) });
    await Promise.all([client.outbox!.close(), client.outbox!.close()]);
    await client.outbox!.close();
    expect(closed).toBe(1);
  });

  it('a logout is over when the queue is erased: the page may go then', async () => {
    let erase = (): void => {};
    let erased = false;
    const slow: OutboxStore = {
      async open(name) {
        const box = await store.open(name);
        return {
          ...box,
          async erase() {
            await new Promise<void>((resolve) => (erase = resolve));
            await box.erase();
            erased = true;
          },
        };
      },
    };
    const client = open({ outbox: createOutbox({ store: slow }) });
    void client.stream('chat:x').publish('secret');
    await seen(client, (entries) => entries.length === 1);
    let over = false;
    const left = client.logout().then(() => (over = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    erase();
    await left;
    expect(erased).toBe(true);
  });

  it('a store that is lost for a moment, as browsers do it, costs neither an entry nor a logout its erasing', async () => {
    let lost = 0;
    const once = <T>(run: () => Promise<T>): Promise<T> =>
      lost-- > 0 ? Promise.reject(new Error('UnknownError')) : run();
    const flaky: OutboxStore = {
      async open(name) {
        const box = await store.open(name);
        return {
          ...box,
          add: (added) => once(() => box.add(added)),
          erase: () => once(() => box.erase()),
        };
      },
    };
    const client = open({ outbox: createOutbox({ store: flaky }) });
    await client.outbox!.ready;
    lost = 1;
    void client.stream('chat:x').publish('secret');
    await seen(client, (entries) => entries.length === 1);
    lost = 1;
    await client.logout();
    expect(client.outbox!.entries()).toEqual([]);
    const next = open();
    await next.outbox!.ready;
    expect(next.outbox!.entries()).toEqual([]);
    lost = 2;
    await expect(client.stream('chat:x').publish(1)).rejects.toMatchObject({ code: 'storage_failed' });
  });

  it('closes its store, and takes nothing more', async () => {
    let closed = 0;
    const closing: OutboxStore = {
      open: async (name) => ({ ...(await store.open(name)), close: async () => void closed++ }),
    };
    const client = open({ outbox: createOutbox({ store: closing }) });
    await client.outbox!.ready;
    await client.outbox!.close();
    expect(closed).toBe(1);
    await expect(client.stream('chat:x').publish(1)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
