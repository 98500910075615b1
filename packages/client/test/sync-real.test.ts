import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { type StandardSchema, defineContract, map } from '@carillon/contract';
import { type CarillonServer, createServer } from '@carillon/server';
import { type Client, createClient } from '../src/index.ts';
import { fileStore } from '../src/node/index.ts';
import { type Sync, createSync, sendOverHttp } from '../src/sync/index.ts';
import { createChance } from '../src/testing/chance.ts';
import { type TagBackend, startTagBackend } from './sync-backend.ts';

const API_KEY = 'k'.repeat(40);
const tags: StandardSchema<readonly string[]> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as string[] }) },
};
const contract = defineContract({
  channels: { 'tags:{user}': map({ data: tags, rate: { perSecond: 100_000, burst: 100_000 } }) },
});
const mutators = { add: (value: readonly string[] | undefined, tag: string) => [...(value ?? []), tag] };
type Tags = Sync<readonly string[], typeof mutators>;

let folder: string;
let server: CarillonServer<typeof contract>;
let backend: TagBackend;
let devices: Device[];

type Device = {
  readonly client: Client<typeof contract>;
  readonly tags: Tags;
  readonly made: { readonly tag: string; readonly key: string }[];
  /** What was seen that must not be. */
  readonly wrong: string[];
  online(): void;
  offline(): void;
  add(key: string, tag: string): void;
};

/** One of alice's devices, with a network that the test controls. */
function device(name: string): Device {
  let isOnline = true;
  let socket: WebSocket | null = null;
  const { port } = server.address!;
  class Network extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      // The discard port: nobody is there.
      super(isOnline ? url : 'ws://127.0.0.1:9/', protocols);
      socket = this;
    }
  }
  const client = createClient<typeof contract>({
    url: `ws://127.0.0.1:${port}/ws`,
    username: 'alice',
    token: 'alice',
    WebSocket: Network,
    transports: ['websocket'],
  });
  const send = sendOverHttp({
    url: backend.url,
    fetch: (url, init) => (isOnline ? fetch(url, init) : Promise.reject(new TypeError('offline'))),
  });
  const synced: Tags = createSync(client.map('tags:{user}', { user: 'alice' }), {
    mutators,
    send,
    store: fileStore({ folder: join(folder, name) }),
    timeoutMs: 400,
  });
  const made: Device['made'] = [];
  const wrong: string[] = [];
  const gone = new Set<string>();
  synced.onRejected(({ args }) => gone.add(args as string));
  function look(): void {
    for (const { tag, key } of made) {
      const shown = synced.entry(key)?.value.filter((each) => each === tag).length ?? 0;
      if (shown !== (gone.has(tag) ? 0 : 1)) wrong.push(`${tag} is seen ${shown} times`);
    }
  }
  synced.subscribe(look);
  client.connect();
  const it: Device = {
    client,
    tags: synced,
    made,
    wrong,
    online() {
      isOnline = true;
      client.connect();
    },
    offline() {
      isOnline = false;
      socket?.terminate();
    },
    add(key, tag) {
      made.push({ tag, key });
      synced.mutate('add', key, tag);
      look();
    },
  };
  devices.push(it);
  return it;
}

function settled(tagsOf: Tags): Promise<void> {
  return new Promise((resolve) => {
    const off = tagsOf.status.subscribe(({ status, pending }) => {
      if (status !== 'live' || pending > 0) return;
      queueMicrotask(() => off());
      resolve();
    });
  });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carillon-sync-'));
  devices = [];
  server = await createServer(contract, {
    host: '127.0.0.1',
    port: 0,
    databaseUrl: `sqlite:${join(folder, 'carillon.sqlite')}`,
    apiKey: API_KEY,
    auth: { authenticate: ({ token }) => ({ user: token }) },
    limits: { messagesPerSecond: 100_000, messageBurst: 100_000 },
    logging: { level: 'warn' },
  });
  await server.listen();
  const { port } = server.address!;
  backend = await startTagBackend(`http://127.0.0.1:${port}`, API_KEY, createChance('backend'));
});

afterEach(async () => {
  for (const { tags: each, client } of devices) {
    await each.close();
    client.disconnect();
  }
  await backend.close();
  await server.close(0);
  await rm(folder, { recursive: true, force: true });
});

describe('two devices, a real server and a backend that fails, is silent and refuses', () => {
  it('[PUB8] come to the backend’s truth from fifty changes each made offline: each carried out once, seen throughout and once', async () => {
    const [phone, laptop] = [device('phone'), device('laptop')];
    phone.add('k0', 'first');
    await Promise.all([settled(phone.tags), phone.tags.until({ key: 'k0', version: 1 })]);
    await laptop.tags.until({ key: 'k0', version: 1 });
    for (const each of [phone, laptop]) each.offline();
    for (let n = 0; n < 50; n++) {
      phone.add(`k${n % 5}`, `p${n}${n % 10 === 3 ? 'bad' : ''}`);
      laptop.add(`k${n % 7}`, `l${n}${n % 10 === 6 ? 'bad' : ''}`);
    }
    expect([phone, laptop].map((each) => each.tags.status.get().pending)).toEqual([50, 50]);
    for (const each of [phone, laptop]) each.online();
    await Promise.all([settled(phone.tags), settled(laptop.tags)]);
    // Read your writes: what each wrote is to be read on the other.
    for (const each of [phone, laptop])
      for (const [key, { version }] of backend.truth) await each.tags.until({ key, version });

    const truth = [...backend.truth].map(([key, { tags: value }]) => [key, value] as const);
    truth.sort(([a], [b]) => (a < b ? -1 : 1));
    for (const each of [phone, laptop]) {
      expect(each.tags.get().map(({ key, value }) => [key, value])).toEqual(truth);
      expect([each.wrong, each.tags.status.get().settled]).toEqual([[], 0]);
    }
    expect(backend.carriedOut).toHaveLength(91);
    expect(new Set(backend.carriedOut).size).toBe(91);
    const { failed, silent, repeated, refused } = backend.counts;
    // What it was to bear did happen.
    expect([failed > 0, silent > 0, repeated > 0, refused]).toEqual([true, true, true, 10]);
  });

  it('a process that ends in the middle leaves its changes to the next, which has them carried out once', async () => {
    const before = device('phone');
    before.offline();
    for (let n = 0; n < 20; n++) before.add('k', `p${n}`);
    await before.tags.ready;
    before.online();
    await new Promise<void>((resolve) => {
      before.tags.onMutation(({ state }) => state === 'accepted' && resolve());
    });
    await before.tags.close();
    before.client.disconnect();
    const next = device('phone');
    await next.tags.ready;
    await settled(next.tags);
    const { tags: all, version } = backend.truth.get('k')!;
    await next.tags.until({ key: 'k', version });
    expect(next.tags.entry('k')?.value).toEqual(all);
    expect(all).toEqual(before.made.map(({ tag }) => tag));
    expect(backend.carriedOut).toHaveLength(20);
  });
});
