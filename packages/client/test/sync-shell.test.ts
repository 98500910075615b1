import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClientOn } from '../src/client.ts';
import type { Client, MapChannel } from '../src/index.ts';
import { type OutboxSharing, type OutboxStore, memoryStore } from '../src/outbox/index.ts';
import { hostPlatform } from '../src/platform.ts';
import {
  type SendResult,
  type SentMutation,
  type Sync,
  type SyncOptions,
  createSync,
  sendOverCall,
  sendOverHttp,
} from '../src/sync/index.ts';
import { type LiteralServer, type Peer, startLiteralServer } from './literal-server.ts';

const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}';

type Task = { readonly title: string; readonly done: boolean };
const mutators = {
  create: (_: Task | undefined, title: string): Task => ({ title, done: false }),
  finish(task: Task | undefined): Task {
    if (task === undefined) throw new Error('no such task');
    return { ...task, done: true };
  },
};
type Tasks = Sync<Task, typeof mutators>;
type Options = Partial<SyncOptions<Task, typeof mutators>>;

let server: LiteralServer;
let clients: Client[];
let syncs: Tasks[];
let store: OutboxStore;
let reported: unknown[];
/** Who waits for something to be sent. */
let looks: Set<() => void>;
/** What was sent, and how each is answered. */
let sent: {
  readonly mutation: SentMutation;
  readonly signal: AbortSignal;
  answer(result: SendResult): void;
}[];

/** A page of the app: alice's unless it says otherwise. */
function open(options: Options = {}, username = 'alice'): { client: Client; tasks: Tasks } {
  const client = createClientOn(
    { ...hostPlatform(), random: () => 0.5, report: (error) => reported.push(error) },
    { url: server.url, username, token: 'jwt' },
  );
  clients.push(client);
  const tasks = createSync<Task, typeof mutators>(
    client.map('tasks:{user}', { user: username }) as MapChannel<never, Task>,
    {
      mutators,
      store,
      send: (mutation, { signal }) =>
        new Promise((answer) => {
          sent.push({ mutation, signal, answer });
          for (const look of [...looks]) look();
        }),
      ...options,
    },
  );
  syncs.push(tasks);
  return { client, tasks };
}

async function connect(client: Client, es: unknown[] = [], o = es.length): Promise<Peer> {
  client.connect();
  const peer = await server.peer();
  await peer.next();
  peer.send(TOKEN, '{"t":"sync","users":[]}');
  const { i, c } = JSON.parse(await peer.next()) as { i: number; c: string };
  expect(c).toMatch(/^tasks:/);
  peer.send(JSON.stringify({ t: 'ok', i, e: 'e1', o, es }));
  return peer;
}

/** Resolves once the condition holds, which is looked at whenever the sync tells of something or sends. */
function until(tasks: Tasks, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const offs: (() => void)[] = [];
    const look = (): void => {
      if (!holds()) return;
      for (const off of offs) off();
      resolve();
    };
    looks.add(look);
    offs.push(
      () => looks.delete(look),
      tasks.onMutation(look),
      tasks.subscribe(look),
      tasks.status.subscribe(look),
    );
    look();
  });
}

/** A memory store whose boxes tabs share: one leads, in the order in which they asked. */
function sharedStore(): OutboxStore {
  const memory = memoryStore();
  const listeners = new Set<(message: unknown) => void>();
  const asking: ((alone: boolean) => void)[] = [];
  return {
    async open(name) {
      let own = (_: unknown): void => {};
      const sharing: OutboxSharing = {
        lead(led) {
          asking.push(led);
          if (asking.length === 1) led(true);
          return () => {
            const first = asking[0] === led;
            asking.splice(asking.indexOf(led), 1);
            if (first) asking[0]?.(true);
          };
        },
        post(message) {
          for (const listener of listeners)
            if (listener !== own) queueMicrotask(() => listener(structuredClone(message)));
        },
        listen(listener) {
          own = listener;
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
      return { ...(await memory.open(name)), sharing };
    },
  };
}

const titles = (tasks: Tasks): string[] => tasks.get().map(({ value }) => value.title);

beforeEach(async () => {
  server = await startLiteralServer();
  clients = [];
  syncs = [];
  sent = [];
  looks = new Set();
  reported = [];
  store = memoryStore();
});

afterEach(async () => {
  for (const tasks of syncs) await tasks.close();
  for (const client of clients) client.disconnect();
  await server.stop();
});

describe('a sync', () => {
  it('shows a change at once, sends it with its user, and lets go of it where the publication carries its id', async () => {
    const { client, tasks } = open();
    const peer = await connect(client, [{ k: 'b', o: 1, d: { title: 'bread', done: false } }]);
    await until(tasks, () => tasks.status.get().status === 'live');
    const seen: string[][] = [];
    tasks.subscribe((entries) => seen.push(entries.map(({ key, pending }) => `${key}${pending ? '?' : ''}`)));
    const mutation = tasks.mutate('create', 'a', 'milk');
    expect([titles(tasks), tasks.isPending('a'), tasks.entry('a')]).toEqual([
      ['milk', 'bread'],
      true,
      { key: 'a', value: { title: 'milk', done: false }, pending: true, version: null },
    ]);
    await until(tasks, () => sent.length === 1);
    expect(sent[0]!.mutation).toEqual({
      id: mutation.id,
      name: 'create',
      key: 'a',
      args: 'milk',
      atMs: expect.any(Number) as number,
      user: 'alice',
    });
    sent[0]!.answer({ result: 'accepted' });
    expect(await mutation.accepted).toBe(mutation.id);
    const shown = tasks.until(mutation);
    peer.send(
      `{"t":"p","c":"tasks:alice","o":2,"k":"a","d":{"title":"milk","done":false},"ver":1,"ref":"${mutation.id}"}`,
    );
    await shown;
    expect([await mutation.done, mutation.state, tasks.isPending('a')]).toEqual([
      'confirmed',
      'confirmed',
      false,
    ]);
    // Subscribers are told at the end of the turn.
    await Promise.resolve();
    expect(seen).toEqual([['b'], ['a?', 'b'], ['a', 'b']]);
    expect(tasks.get()).toBe(tasks.get());
    await tasks.until({ key: 'a', version: 1 });
    await tasks.until(mutation.id);
  });

  it('goes on from the store in the next life of the page, under the same ids, and never under another login', async () => {
    const before = open();
    const made = before.tasks.mutate('create', 'a', 'milk');
    before.tasks.mutate('create', 'b', 'bread');
    await before.tasks.close();
    const bob = open({}, 'bob');
    const { client, tasks } = open();
    await Promise.all([bob.tasks.ready, tasks.ready]);
    expect([titles(tasks), titles(bob.tasks), tasks.mutations().map(({ id }) => id)[0]]).toEqual([
      ['milk', 'bread'],
      [],
      made.id,
    ]);
    await connect(client);
    await until(tasks, () => sent.length === 1);
    sent[0]!.answer({ result: 'accepted' });
    await until(tasks, () => sent.length === 2);
    expect(sent.map(({ mutation }) => [mutation.id, mutation.user])).toEqual([
      [made.id, 'alice'],
      [tasks.mutations()[1]!.id, 'alice'],
    ]);
  });

  it('rolls back what is rejected, and says why to whoever asked', async () => {
    const { client, tasks } = open();
    await connect(client);
    const rejected: string[] = [];
    tasks.onRejected(({ key, error }) =>
      rejected.push(`${key} ${error!.code} ${error!.error} ${error!.message}`),
    );
    const mutation = tasks.mutate('create', 'a', 'milk');
    const waits = tasks.until(mutation, { timeoutMs: 600_000 });
    await until(tasks, () => sent.length === 1);
    sent[0]!.answer({ result: 'rejected', code: 'full', message: 'no more tasks', data: { most: 3 } });
    await expect(mutation.accepted).rejects.toMatchObject({
      code: 'rejected',
      error: 'full',
      data: { most: 3 },
    });
    await expect(waits).rejects.toBe(mutation.error);
    await expect(mutation.done).rejects.toBe(mutation.error);
    expect([titles(tasks), rejected]).toEqual([[], ['a rejected full rejected: no more tasks']]);
    expect(() => tasks.mutate('none' as 'finish', 'a')).toThrow('options_invalid');
    expect(() => tasks.mutate('create', 'a', 7n as never)).toThrow('payload_invalid');
    expect(tasks.mutate('finish', 'a').error).toMatchObject({ code: 'conflict' });
  });

  it('sends one that is not answered in time again under the same id, and calls the former attempt off', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { client, tasks } = open({ timeoutMs: 1_000 });
    try {
      await connect(client);
      const mutation = tasks.mutate('create', 'a', 'milk');
      await until(tasks, () => sent.length === 1);
      vi.advanceTimersByTime(999);
      expect(sent[0]!.signal.aborted).toBe(false);
      vi.advanceTimersByTime(1);
      expect([sent[0]!.signal.aborted, tasks.status.get().failure]).toEqual([true, 'deadline_exceeded']);
      sent[0]!.answer({ result: 'rejected', code: 'late', message: '' });
      vi.advanceTimersByTime(1_000);
      expect(sent.map((each) => each.mutation.id)).toEqual([mutation.id, mutation.id]);
      sent[1]!.answer({ result: 'accepted' });
      await mutation.accepted;
    } finally {
      vi.useRealTimers();
    }
  });

  it('a logout erases the queue, ends whoever waits with its code, and the next login of the user begins with nothing', async () => {
    let erase = (): void => {};
    const slow: OutboxStore = {
      async open(name) {
        const box = await store.open(name);
        return {
          ...box,
          async erase() {
            await new Promise<void>((resolve) => (erase = resolve));
            await box.erase();
          },
        };
      },
    };
    const { client, tasks } = open({ store: slow });
    const peer = await connect(client, [{ k: 'b', o: 1, d: { title: 'bread', done: false } }]);
    await until(tasks, () => tasks.status.get().status === 'live');
    const mutation = tasks.mutate('create', 'a', 'milk');
    await until(tasks, () => sent.length === 1);
    const waits = tasks.until({ key: 'b', version: 9 });
    // What it had to do with the store until here is done.
    await new Promise((resolve) => setImmediate(resolve));
    const box = await store.open(JSON.stringify([server.url, 'alice', 'sync', 'tasks:alice']));
    expect((await box.all()).size).toBe(1);
    let over = false;
    const out = client.logout().then(() => (over = true));
    expect([titles(tasks), mutation.state, sent[0]!.signal.aborted]).toEqual([[], 'cancelled', true]);
    await expect(waits).rejects.toMatchObject({ code: 'logged_out' });
    await expect(mutation.done).rejects.toMatchObject({ code: 'logged_out', unknown: true });
    const disconnected = new Promise<void>((resolve) => {
      client.onConnection(({ status }) => status === 'disconnected' && resolve());
    });
    peer.close(4205);
    await disconnected;
    await new Promise((resolve) => setImmediate(resolve));
    expect(over, 'the page may go when it is over').toBe(false);
    erase();
    await out;
    expect((await box.all()).size).toBe(0);
    await connect(client, [{ k: 'c', o: 1, d: { title: 'cake', done: false } }]);
    await until(tasks, () => tasks.get().length > 0);
    expect(titles(tasks)).toEqual(['cake']);
  });

  it('of two tabs one sends, both show both, and the other goes on when it is gone', async () => {
    store = sharedStore();
    const one = open();
    await connect(one.client);
    const mutation = one.tasks.mutate('create', 'a', 'milk');
    await until(one.tasks, () => sent.length === 1);
    // Not before: which of two sends first is nobody's promise.
    const other = open();
    await connect(other.client);
    const second = other.tasks.mutate('create', 'b', 'bread');
    await until(other.tasks, () => titles(other.tasks).length === 2);
    await until(one.tasks, () => titles(one.tasks).length === 2);
    sent[0]!.answer({ result: 'rejected', code: 'full', message: 'no' });
    await expect(mutation.done).rejects.toMatchObject({ error: 'full' });
    await until(other.tasks, () => titles(other.tasks).length === 1);
    await until(one.tasks, () => sent.length === 2);
    expect(sent[1]!.mutation.id).toBe(second.id);
    // It was under way there: nobody knows whether it was carried out.
    await one.tasks.close();
    await until(other.tasks, () => sent.length === 3);
    const texts = sent.map((each) => JSON.stringify(each.mutation));
    expect(texts[2], 'word for word').toBe(texts[1]);
    sent[2]!.answer({ result: 'accepted' });
    expect(await second.accepted).toBe(second.id);
  });

  it('`until` ends with its time, its signal or the sync', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { tasks } = open();
    try {
      const late = tasks.until('x', { timeoutMs: 50 });
      vi.advanceTimersByTime(50);
      await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    } finally {
      vi.useRealTimers();
    }
    const calling = new AbortController();
    const off = tasks.until('x', { signal: calling.signal });
    calling.abort();
    await expect(off).rejects.toMatchObject({ code: 'cancelled' });
    await expect(tasks.until('x', { signal: calling.signal })).rejects.toMatchObject({ code: 'cancelled' });
    const open_ = tasks.until('x');
    await tasks.close();
    await expect(open_).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('reads the app’s snapshot once the channel is complete, again where it failed, and again when history was lost', async () => {
    type Read = { resolve(entries: { key: string; value: Task }[]): void; reject(error: Error): void };
    const reads: Read[] = [];
    let onRead = (): void => {};
    const snapshot = (): Promise<{ key: string; value: Task }[]> =>
      new Promise((resolve, reject) => {
        reads.push({ resolve, reject });
        onRead();
      });
    const nextRead = (): Promise<void> => new Promise((resolve) => (onRead = resolve));
    const { client, tasks } = open({ snapshot });
    const first = nextRead();
    const peer = await connect(client);
    await first;
    const second = nextRead();
    reads[0]!.reject(new Error('backend is down'));
    await second;
    expect(reported).toMatchObject([{ message: 'backend is down' }]);
    reads[1]!.resolve([{ key: 'a', value: { title: 'milk', done: false } }]);
    await until(tasks, () => tasks.status.get().status === 'live');
    expect(titles(tasks)).toEqual(['milk']);
    // Of a key that only the app knew.
    peer.send('{"t":"p","c":"tasks:alice","o":1,"k":"a","del":true}');
    await until(tasks, () => tasks.get().length === 0);
    const third = nextRead();
    peer.send('{"t":"gap","c":"tasks:alice","why":"epoch","e":"e2","o":0}');
    const { i } = JSON.parse(await peer.next()) as { i: number };
    peer.send(`{"t":"ok","i":${i},"e":"e2","o":0,"es":[]}`);
    await third;
    reads[2]!.resolve([{ key: 'b', value: { title: 'bread', done: false } }]);
    await until(tasks, () => tasks.get().length === 1);
    expect(titles(tasks)).toEqual(['bread']);
  });

  it('works in memory, and says so, where the store cannot be opened', async () => {
    const refuses: OutboxStore = { open: () => Promise.reject(new Error('private window')) };
    const { client, tasks } = open({ store: refuses });
    await connect(client);
    const mutation = tasks.mutate('create', 'a', 'milk');
    await until(tasks, () => sent.length === 1);
    sent[0]!.answer({ result: 'accepted' });
    await mutation.accepted;
    expect(tasks.status.get().durable).toBe(false);
  });

  it('refuses options that mean nothing', () => {
    for (const options of [{ count: 0 }, { bytes: 0 }, { timeoutMs: 0 }, { settleMs: 0 }, { failures: 0 }])
      expect(() => open(options), JSON.stringify(options)).toThrow('options_invalid');
    for (const options of [{ count: 1 }, { bytes: 1 }, { timeoutMs: 1 }, { settleMs: 1 }, { failures: 1 }])
      open(options);
  });

  it('one key is a store of its own, which is told of that key alone', async () => {
    const { tasks } = open();
    const seen: (string | undefined)[] = [];
    const one = tasks.key('a');
    expect([tasks.key('a'), one.initial]).toEqual([one, undefined]);
    const off = one.subscribe((entry) => seen.push(entry?.value.title));
    tasks.mutate('create', 'b', 'bread');
    await Promise.resolve();
    tasks.mutate('create', 'a', 'milk');
    await Promise.resolve();
    off();
    tasks.mutate('create', 'a', 'more milk');
    await Promise.resolve();
    expect([seen, one.get()?.value.title]).toEqual([[undefined, 'milk'], 'more milk']);
  });
});

describe('sending over HTTP', () => {
  const mutation: SentMutation = { id: 'm1', name: 'create', key: 'a', args: 'milk', atMs: 5, user: 'alice' };

  async function answered(
    status: number,
    body = '',
    headers: Record<string, string> = {},
  ): Promise<{ result: SendResult; request: unknown }> {
    let request: unknown;
    const backend = createServer((incoming, outgoing) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('end', () => {
        const { method, url, headers: given } = incoming;
        request = {
          method,
          url,
          key: given['idempotency-key'],
          login: given['authorization'],
          body: String(Buffer.concat(parts)),
        };
        outgoing.writeHead(status, headers).end(body);
      });
    }).listen(0, '127.0.0.1');
    await once(backend, 'listening');
    const { port } = backend.address() as AddressInfo;
    const send = sendOverHttp({
      url: `http://127.0.0.1:${port}/m`,
      headers: () => ({ authorization: 'Bearer x' }),
    });
    const result = await send(mutation, { signal: AbortSignal.timeout(10_000) });
    backend.close();
    return { result, request };
  }

  it('posts the mutation as JSON, with its id as the key, and takes the token of the answer', async () => {
    const { result, request } = await answered(200, '{"token":{"key":"a","version":7}}');
    expect(result).toEqual({ result: 'accepted', token: { key: 'a', version: 7 } });
    expect(request).toEqual({
      method: 'POST',
      url: '/m',
      key: 'm1',
      login: 'Bearer x',
      body: '{"id":"m1","name":"create","key":"a","args":"milk","atMs":5,"user":"alice"}',
    });
  });

  it('asks each mutation’s own address in its own way, where the backend has REST', async () => {
    const seen: unknown[] = [];
    const send = sendOverHttp({
      url: ({ key }) => ({ url: `/tasks/${key}`, method: 'PATCH', body: { title: 'x' } }),
      token: (body, { key }) => ({ key, version: (body as { task: { version: number } }).task.version }),
      fetch: (url, init) => {
        seen.push([url, init?.method, init?.body]);
        return Promise.resolve(new Response('{"task":{"version":3}}'));
      },
    });
    const result = await send(mutation, { signal: new AbortController().signal });
    expect(result).toEqual({ result: 'accepted', token: { key: 'a', version: 3 } });
    expect(seen).toEqual([['/tasks/a', 'PATCH', '{"title":"x"}']]);
  });

  it.each<[number, string, Record<string, string>, SendResult]>([
    [204, '', {}, { result: 'accepted', token: undefined }],
    [200, '{"token":{"key":1}}', {}, { result: 'accepted', token: undefined }],
    [200, '{"token":"ref"}', {}, { result: 'accepted', token: 'ref' }],
    [200, '<html>sign in to this network', {}, { result: 'retry', reason: 'no JSON' }],
    [
      409,
      '{"code":"stale","message":"newer","data":{"v":3}}',
      {},
      { result: 'rejected', code: 'stale', message: 'newer', data: { v: 3 } },
    ],
    [
      422,
      '{"error":{"code":"task_invalid","message":"no title"}}',
      {},
      { result: 'rejected', code: 'task_invalid', message: 'no title', data: undefined },
    ],
    [404, 'not found', {}, { result: 'rejected', code: 'http_404', message: '', data: undefined }],
    [401, '', {}, { result: 'retry', reason: 'http 401', retryAfterMs: 0, failed: false }],
    [
      429,
      '',
      { 'retry-after': '3' },
      { result: 'retry', reason: 'http 429', retryAfterMs: 3_000, failed: false },
    ],
    [503, '', {}, { result: 'retry', reason: 'http 503', retryAfterMs: 0, failed: false }],
    [500, '', {}, { result: 'retry', reason: 'http 500', retryAfterMs: 0, failed: true }],
  ])('%i %s is what it says', async (status, body, headers, expected) => {
    expect((await answered(status, body, headers)).result).toEqual(expected);
  });
});

describe('sending as a call', () => {
  const mutation: SentMutation = { id: 'm1', name: 'create', key: 'a', args: 'milk', atMs: 5, user: 'alice' };

  it.each<[string, SendResult]>([
    ['"ok","d":{"token":"ref"}', { result: 'accepted', token: 'ref' }],
    [
      '"err","code":"call_failed","m":"full","n":"full","d":{"most":3}',
      { result: 'rejected', code: 'full', message: 'call_failed: full', data: { most: 3 } },
    ],
    [
      '"err","code":"forbidden","m":"no"',
      { result: 'rejected', code: 'forbidden', message: 'forbidden: no', data: undefined },
    ],
    [
      '"err","code":"internal","m":"oh"',
      { result: 'retry', reason: 'internal: oh', retryAfterMs: undefined, failed: true },
    ],
  ])('an answer of %s is what it says', async (answer, expected) => {
    const { client } = open();
    const peer = await connect(client);
    const answering = sendOverCall(client, 'tasks.mutate')(mutation, {
      signal: new AbortController().signal,
    });
    const { i, n, d } = JSON.parse(await peer.next()) as Record<string, unknown>;
    expect([n, d]).toEqual(['tasks.mutate', mutation]);
    peer.send(`{"i":${String(i)},"t":${answer}}`);
    expect(await answering).toEqual(expected);
  });
});
