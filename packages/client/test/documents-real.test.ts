import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineContract, document } from '@carillon/contract';
import { type CarillonServer, createServer } from '@carillon/server';
import { WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import * as Y from 'yjs';
import { type Client, createClient } from '../src/index.ts';
import { fileStore } from '../src/node/index.ts';
import { type DocumentProvider, type DocumentProviderOptions, openDocument } from '../src/yjs/index.ts';
import { until } from './until-provider.ts';

const contract = defineContract({
  channels: {
    'doc:{id}': document({ durability: 'stored', compactUpdates: 20 }),
    'memory:{id}': document({ durability: 'memory' }),
  },
});
type C = typeof contract;
type Role = 'none' | 'read' | 'write';

let folder: string;
let server: CarillonServer<C>;
let port = 0;
let tests = 0;
/** Roles that are not `write`. */
const roles = new Map<string, Role>();
let clients: Client<C>[] = [];
let providers: DocumentProvider[] = [];

async function start(): Promise<void> {
  const role = ({ user }: { readonly user: string }): Role => roles.get(user) ?? 'write';
  server = await createServer(contract, {
    host: '127.0.0.1',
    port,
    databaseUrl: `sqlite:${join(folder, 'carillon.sqlite')}`,
    auth: { authenticate: ({ token }) => ({ user: token }) },
    authorize: { 'doc:{id}': role, 'memory:{id}': role },
    logging: { level: 'error' },
  });
  await server.listen();
  ({ port } = server.address!);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carillon-documents-'));
  await start();
});

afterAll(async () => {
  await server.close(0);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  tests++;
  roles.clear();
  clients = [];
  providers = [];
});

afterEach(async () => {
  await Promise.all(providers.map((provider) => provider.close()));
  for (const client of clients) client.disconnect();
});

type Person = { readonly client: Client<C>; readonly cut: () => void };

function person(username: string): Person {
  let socket: WebSocket | null = null;
  class Cuttable extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols);
      socket = this;
    }
  }
  const client = createClient<C>({
    url: `ws://127.0.0.1:${port}/ws`,
    username,
    token: username,
    WebSocket: Cuttable,
  });
  clients.push(client);
  client.connect();
  return { client, cut: () => socket?.terminate() };
}

/** The document of the test that runs. */
function open(
  { client }: Pick<Person, 'client'>,
  options: DocumentProviderOptions = {},
  pattern: 'doc:{id}' | 'memory:{id}' = 'doc:{id}',
): DocumentProvider {
  const provider = openDocument(client, pattern, { id: String(tests) }, { delayMs: 2, ...options });
  providers.push(provider);
  return provider;
}

const typed = (provider: DocumentProvider): Y.Text => provider.doc.getText('t');
const textOf = (provider: DocumentProvider): string => typed(provider).toJSON();
const type = (provider: DocumentProvider, text: string): void =>
  typed(provider).insert(typed(provider).length, text);

const live = (...all: DocumentProvider[]): Promise<unknown> =>
  Promise.all(all.map((provider) => until(provider, () => provider.synced)));

/** All are live and saved, and show the same. */
async function settled(...all: DocumentProvider[]): Promise<string> {
  await live(...all);
  await Promise.all(all.map((provider) => provider.whenSaved()));
  const whole = new Y.Doc();
  for (const { doc } of all) Y.applyUpdate(whole, Y.encodeStateAsUpdate(doc));
  const text = whole.getText('t').toJSON();
  await Promise.all(all.map((provider) => until(provider, () => textOf(provider) === text)));
  return text;
}

it('[DOC1] [DOC2] [DOC3] three people type at once while their lines are cut, and all of it is everywhere, and there behind a restart', async () => {
  const people = ['alice', 'bob', 'carol'].map(person);
  const copies = people.map((each) => open(each));
  await live(...copies);
  for (let turn = 0; turn < 30; turn++)
    for (const [at, copy] of copies.entries()) {
      typed(copy).insert((turn * 7) % (typed(copy).length + 1), `${'abc'.charAt(at)}${turn} `);
      if (turn % 10 === 3 * at) people[at]!.cut();
      // One by one, so that updates overtake each other.
      await new Promise((resolve) => setImmediate(resolve));
    }
  const text = await settled(...copies);
  for (const letter of 'abc') expect(text.split(letter)).toHaveLength(31);
  await Promise.all(providers.splice(0).map((provider) => provider.close()));
  await server.close(0);
  await start();
  const later = open(person('dave'));
  await later.whenSynced;
  expect(textOf(later)).toBe(text);
});

it('what is typed offline outlives the page, and is merged with what others typed, also where the server was restarted', async () => {
  const store = fileStore({ folder: join(folder, 'device') });
  const first = person('alice');
  const page = open(first, { store });
  await page.whenSynced;
  type(page, 'both. ');
  await page.whenSaved();
  const bob = open(person('bob'));
  await until(bob, () => textOf(bob) === 'both. ');
  first.client.disconnect();
  await until(page, () => page.status === 'offline');
  type(page, 'alice offline. ');
  type(page, 'and more. ');
  expect(page.saved).toMatchObject({ unsent: 2, saved: false, durable: true });
  type(bob, 'bob. ');
  await bob.whenSaved();
  await page.close();
  await server.close(0);
  await start();
  const next = open(person('alice'), { store });
  await next.whenLoaded;
  expect(textOf(next)).toContain('alice offline. and more. ');
  await settled(next, bob);
  for (const part of ['both. ', 'alice offline. and more. ', 'bob. ']) expect(textOf(bob)).toContain(part);
});

it('[DOC5] whose role is taken away while they type reads on, keeps what was refused, and nobody else gets it', async () => {
  const alice = open(person('alice'));
  const bob = open(person('bob'));
  await live(alice, bob);
  type(alice, 'before. ');
  await settled(alice, bob);
  roles.set('alice', 'read');
  expect(await server.recheckRole('alice', 'doc:{id}', { id: String(tests) })).toMatchObject({ ok: true });
  await until(alice, () => alice.role === 'read');
  type(alice, 'refused. ');
  type(bob, 'after. ');
  await bob.whenSaved();
  await until(alice, () => textOf(alice).includes('after. '));
  expect(textOf(alice)).toContain('refused. ');
  expect(textOf(bob)).toBe('before. after. ');
  expect(alice.saved).toMatchObject({ unsent: 1, saved: false });
  alice.discard();
  await until(alice, () => alice.synced && textOf(alice) === 'before. after. ');
  type(alice, 'again. ');
  roles.delete('alice');
  await server.recheckRole('alice', 'doc:{id}', { id: String(tests) });
  await settled(alice, bob);
  expect(textOf(bob)).toBe('before. after. again. ');
});

it('[DOC5] whoever is shut out is out, with the code, and whoever never was in learns nothing', async () => {
  const alice = open(person('alice'));
  await alice.whenSynced;
  roles.set('alice', 'none');
  await server.recheckRole('alice', 'doc:{id}', { id: String(tests) });
  await until(alice, () => alice.status === 'ended');
  expect(alice.info.get()).toMatchObject({ code: 'forbidden', role: 'none' });
  await expect(alice.whenSaved()).rejects.toMatchObject({ code: 'forbidden' });
  roles.set('eve', 'none');
  await expect(open(person('eve')).whenSynced).rejects.toMatchObject({ code: 'forbidden' });
});

it('[DOC3] [LIM1] what is pasted is sent in parts within the limits of a connection, and a reader gets it in parts', async () => {
  const alice = open(person('alice'));
  await alice.whenSynced;
  const pasted = 'lorem ipsum '.repeat(8_000);
  type(alice, pasted);
  await alice.whenSaved();
  const bob = open(person('bob'));
  await bob.whenSynced;
  expect(textOf(bob)).toBe(pasted);
}, 30_000);

it('[DOC2] [DOC4] a server that had the document in memory alone gets it back from whoever has it', async () => {
  const alice = open(person('alice'), {}, 'memory:{id}');
  const bob = open(person('bob'), {}, 'memory:{id}');
  await live(alice, bob);
  type(alice, 'one ');
  type(bob, 'two ');
  await settled(alice, bob);
  typed(alice).delete(0, 2);
  const text = await settled(alice, bob);
  await server.close(0);
  await until(bob, () => bob.status === 'offline');
  type(bob, 'three ');
  await start();
  expect(await settled(alice, bob)).toBe(`${text}three `);
  const carol = open(person('carol'), {}, 'memory:{id}');
  await carol.whenSynced;
  await until(carol, () => textOf(carol) === `${text}three `);
}, 30_000);

it('[DOC6] people see where the others are, readers too; who closes the document is gone, whose line drops for a moment is not', async () => {
  roles.set('rita', 'read');
  const bobs = person('bob');
  const [alice, bob, rita] = [open(person('alice')), open(bobs), open(person('rita'))];
  await live(alice, bob, rita);
  const states = (of: DocumentProvider): unknown[] =>
    [...of.awareness.getStates().values()].map((state) => state['at'] as number).toSorted((a, b) => a - b);
  const seen = (of: DocumentProvider, expected: readonly unknown[]): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (JSON.stringify(states(of)) !== JSON.stringify(expected)) return;
        of.awareness.off('change', look);
        resolve();
      };
      of.awareness.on('change', look);
      look();
    });
  alice.awareness.setLocalState({ at: 1 });
  bob.awareness.setLocalState({ at: 2 });
  rita.awareness.setLocalState({ at: 3 });
  await Promise.all([alice, bob, rita].map((each) => seen(each, [1, 2, 3])));
  expect(alice.userOf(rita.doc.clientID)).toBe('rita');
  const gone: unknown[] = [];
  alice.awareness.on('change', ({ removed }: { readonly removed: readonly number[] }) =>
    gone.push(...removed),
  );
  bobs.cut();
  await until(bob, () => !bob.synced);
  await live(bob);
  bob.awareness.setLocalState({ at: 4 });
  await seen(alice, [1, 3, 4]);
  await seen(bob, [1, 3, 4]);
  expect(gone, 'nobody was away').toEqual([]);
  for (let at = 5; at < 60; at++) bob.awareness.setLocalState({ at });
  await seen(alice, [1, 3, 59]);
  await rita.close();
  await seen(alice, [1, 59]);
  expect(gone).toEqual([rita.doc.clientID]);
});

it('a Y.Doc that has something already brings it with it', async () => {
  const doc = new Y.Doc();
  doc.getText('t').insert(0, 'from elsewhere. ');
  const alice = open(person('alice'), { doc });
  await alice.whenSynced;
  await alice.whenSaved();
  const bob = open(person('bob'));
  await bob.whenSynced;
  expect(textOf(bob)).toBe('from elsewhere. ');
  roles.set('rita', 'read');
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(bob.doc));
  const rita = open(person('rita'), { doc: copy });
  await rita.whenSynced;
  expect(rita.saved, 'a reader who has what the server has lacks nothing').toMatchObject({ saved: true });
});

it('[DOC1] [DOC4] two people whose client ids are the same by chance, one of them offline, lose nothing', async () => {
  const [one, two] = [new Y.Doc(), new Y.Doc()].map((doc) => Object.assign(doc, { clientID: 4_711 }));
  const alice = open(person('alice'), { doc: one! });
  await alice.whenSynced;
  type(alice, 'alice. ');
  await alice.whenSaved();
  two!.getText('t').insert(0, 'bob, who was offline. ');
  const bob = open(person('bob'), { doc: two! });
  await settled(alice, bob);
  for (const part of ['alice. ', 'bob, who was offline. ']) expect(textOf(alice)).toContain(part);
  expect(bob.doc.clientID).not.toBe(4_711);
});

it('[DOC7] saves, lists, views, compares and restores versions, and says who wrote what', async () => {
  const alice = open(person('alice'));
  const bob = open(person('bob'));
  await live(alice, bob);
  type(alice, 'Hello world');
  await settled(alice, bob);
  const id = await alice.saveVersion('greeting');
  typed(bob).delete(5, 6);
  type(bob, ' there');
  await settled(alice, bob);
  const { versions } = await bob.versions();
  expect(versions).toMatchObject([{ id, name: 'greeting', by: 'alice' }]);
  const then = new Y.Doc();
  Y.applyUpdate(then, await bob.viewVersion(id));
  expect(then.getText('t').toJSON()).toBe('Hello world');
  const [diff] = await bob.diff(id);
  expect(diff).toMatchObject({ root: 't', kind: 'text' });
  expect(
    diff!.parts
      .filter(({ op }) => op !== 'removed')
      .map(({ text }) => text)
      .join(''),
  ).toBe('Hello there');
  const { t: runs } = await bob.authors();
  expect(runs!.map(({ by, text }) => [by, text])).toEqual([
    ['alice', 'Hello'],
    ['bob', ' there'],
  ]);
  await alice.restore(id);
  await Promise.all([alice, bob].map((each) => until(each, () => textOf(each) === 'Hello world')));
  await expect(bob.viewVersion('nonsense')).rejects.toMatchObject({ code: 'version_unknown' });
});
