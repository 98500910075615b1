import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { memoryStore } from '../src/outbox/index.ts';
import type { Client } from '../src/index.ts';
import { type DocumentProvider, type DocumentProviderOptions, openDocument } from '../src/yjs/index.ts';
import type { Peer } from './literal-server.ts';
import { RESUMED, shellScene, told } from './shell-scene.ts';
import { until } from './until-provider.ts';

const scene = shellScene();

type Message = { readonly t: string; readonly i: number; readonly [field: string]: unknown };

function open(client: Client, options: DocumentProviderOptions = {}): DocumentProvider {
  return openDocument(client, 'doc:{id}', { id: '1' }, options);
}

/** The next message that is no heartbeat. */
async function next(peer: Peer, t: string): Promise<Message> {
  const message = JSON.parse(await peer.next()) as Message;
  expect(message.t).toBe(t);
  return message;
}

const say = (peer: Peer, message: object): void => peer.send(JSON.stringify({ c: 'doc:1', ...message }));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytes = (text: unknown): Uint8Array => new Uint8Array(Buffer.from(text as string, 'base64'));

/** An update by somebody else, and the vector behind it. */
function written(
  text: string,
  clientId = 7,
): { readonly d: string; readonly sv: string; readonly doc: Y.Doc } {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  doc.getText('t').insert(0, text);
  return { d: base64(Y.encodeStateAsUpdate(doc)), sv: base64(Y.encodeStateVector(doc)), doc };
}

const EMPTY = 'AA==';

/** Answers the `sub` of a document in which nothing is. */
async function join(peer: Peer, more: object = {}): Promise<Message> {
  const sub = await next(peer, 'sub');
  say(peer, { t: 'ok', i: sub.i, e: 'e1', o: 0, role: 'write', sv: EMPTY, ...more });
  return sub;
}

/** The user is somewhere, and the server knows it. */
async function noteState(peer: Peer): Promise<Message> {
  const aw = await next(peer, 'aw');
  say(peer, { t: 'ok', i: aw.i });
  return aw;
}

const textOf = (provider: DocumentProvider): string => provider.doc.getText('t').toJSON();

it('[DOC1] [DOC2] joins with its vector and client id, and is live once state and updates are here', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client);
  const sub = await next(peer, 'sub');
  expect(sub).toEqual({ t: 'sub', i: sub.i, c: 'doc:1', sv: EMPTY, cl: [provider.doc.clientID] });
  const { d, doc } = written('one');
  say(peer, { t: 'ok', i: sub.i, e: 'e1', o: 5, role: 'read', sv: base64(Y.encodeStateVector(doc)), ds: 3 });
  const state = bytes(d);
  say(peer, { t: 'ds', i: 3, n: 1, of: 2, o: 4, d: base64(state.slice(0, 4)) });
  say(peer, { t: 'ds', i: 3, n: 2, of: 2, o: 4, d: base64(state.slice(4)) });
  let update: Uint8Array | null = null;
  doc.on('update', (change: Uint8Array) => (update = change));
  doc.getText('t').insert(3, ' two');
  await until(provider, () => textOf(provider) === 'one');
  expect(provider.status, 'until all is here').toBe('connecting');
  say(peer, { t: 'ps', ps: [{ o: 5, ts: 1, by: 'bob', d: base64(update!) }] });
  await provider.whenSynced;
  expect(textOf(provider)).toBe('one two');
  expect([provider.status, provider.role, provider.synced]).toEqual(['live', 'read', true]);
  await provider.close();
});

it('[DOC3] sends what was typed while an update was under way as one, and is saved when that is acknowledged', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { delayMs: 0 });
  await join(peer);
  await noteState(peer);
  await provider.whenSynced;
  const text = provider.doc.getText('t');
  text.insert(0, 'a');
  const first = await next(peer, 'upd');
  text.insert(1, 'b');
  text.insert(2, 'c');
  expect(provider.saved).toEqual({ unsent: 2, unsaved: 1, saved: false, refused: null, durable: false });
  const saved = provider.whenSaved();
  say(peer, { t: 'p', o: 1, own: true, i: first.i });
  say(peer, { t: 'ok', i: first.i, e: 'e1', o: 1 });
  const second = await next(peer, 'upd');
  const copy = new Y.Doc();
  for (const { d } of [first, second]) Y.applyUpdate(copy, bytes(d));
  expect(copy.getText('t').toJSON()).toBe('abc');
  say(peer, { t: 'ok', i: second.i, e: 'e1', o: 2 });
  await saved;
  expect(provider.saved.saved).toBe(true);
  await provider.close();
});

it('[DOC3] [LIM1] a large update goes in parts, each when the one before it has come', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { delayMs: 0 });
  await join(peer);
  await noteState(peer);
  await provider.whenSynced;
  provider.doc.getText('t').insert(0, 'x'.repeat(70_000));
  const whole: Uint8Array[] = [];
  for (const n of [1, 2, 3]) {
    const part = await next(peer, 'upd');
    expect([part['n'], part['of']]).toEqual([n, 3]);
    expect(JSON.stringify(part).length).toBeLessThan(42_000);
    whole.push(bytes(part['d']));
    say(peer, { t: 'ok', i: part.i, ...(n === 3 ? { e: 'e1', o: 1 } : {}) });
  }
  await provider.whenSaved();
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Buffer.concat(whole));
  expect(copy.getText('t').length).toBe(70_000);
  await provider.close();
});

it('[DOC5] who may not write any more keeps what they typed, is told why, and sends it when they may again', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { delayMs: 0 });
  await join(peer);
  await noteState(peer);
  await provider.whenSynced;
  provider.doc.getText('t').insert(0, 'mine');
  const upd = await next(peer, 'upd');
  say(peer, { t: 'role', role: 'read' });
  say(peer, { t: 'err', i: upd.i, code: 'forbidden', m: 'your role does not allow changes' });
  await expect(provider.whenSaved()).rejects.toMatchObject({ code: 'forbidden' });
  expect(provider.role).toBe('read');
  expect(provider.saved).toMatchObject({
    saved: false,
    refused: { code: 'forbidden', detail: 'your role does not allow changes' },
  });
  const { d } = written('theirs, ');
  say(peer, { t: 'p', o: 1, ts: 1, by: 'bob', d });
  await until(provider, () => textOf(provider).includes('theirs'));
  expect(textOf(provider)).toContain('mine');
  say(peer, { t: 'role', role: 'write' });
  const again = await next(peer, 'upd');
  expect(again['d']).toBe(upd['d']);
  say(peer, { t: 'ok', i: again.i, e: 'e1', o: 2 });
  await provider.whenSaved();
  await provider.close();
});

it('[DOC5] [REC3] a reader sends no changes; a repetition is passed over, and what is missing is asked for', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { delayMs: 0 });
  await join(peer, { role: 'read' });
  await noteState(peer);
  await provider.whenSynced;
  const { d, doc } = written('one');
  const p = { t: 'p', o: 1, ts: 1, by: 'bob', d };
  say(peer, p);
  say(peer, p);
  await until(provider, () => textOf(provider) === 'one');
  provider.doc.getText('t').insert(0, 'mine ');
  void provider.authors();
  await next(peer, 'doc');
  doc.getText('t').insert(3, ' two');
  say(peer, { ...p, o: 3, d: base64(Y.encodeStateAsUpdate(doc)) });
  expect(await next(peer, 'sub')).toMatchObject({ e: 'e1', o: 1 });
  expect(textOf(provider)).toBe('mine one');
  await provider.close();
});

it('[DOC2] discard() takes what the server has into another document, and tells whoever is bound to it', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { delayMs: 0 });
  const former = provider.doc;
  await join(peer);
  await noteState(peer);
  await provider.whenSynced;
  former.getText('t').insert(0, 'mine');
  const upd = await next(peer, 'upd');
  say(peer, { t: 'err', i: upd.i, code: 'update_invalid', m: 'no' });
  await expect(provider.whenSaved()).rejects.toMatchObject({ code: 'update_invalid' });
  const reloaded = new Promise<Y.Doc>((resolve) => provider.on('reload', resolve));
  provider.awareness.setLocalStateField('name', 'Alice');
  await noteState(peer);
  provider.discard();
  const doc = await reloaded;
  expect(doc).toBe(provider.doc);
  expect(doc).not.toBe(former);
  const sub = await next(peer, 'sub');
  expect(sub).toMatchObject({ sv: EMPTY, cl: [doc.clientID] });
  expect(sub).not.toHaveProperty('o');
  const { d, sv } = written('theirs');
  say(peer, { t: 'ok', i: sub.i, e: 'e1', o: 1, role: 'write', sv, ds: 9 });
  say(peer, { t: 'ds', i: 9, n: 1, of: 1, o: 1, d });
  const aw = await next(peer, 'aw');
  expect(aw).toMatchObject({ cl: doc.clientID, d: { name: 'Alice' } });
  await until(provider, () => provider.synced);
  expect([textOf(provider), provider.saved.saved]).toEqual(['theirs', true]);
  await provider.close();
});

it('[DOC6] tells where the user is, the latest, and again behind a resume by a higher clock', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { awarenessMs: 1 });
  await join(peer);
  const first = await next(peer, 'aw');
  expect(first).toMatchObject({ cl: provider.doc.clientID, d: {} });
  provider.awareness.setLocalState({ at: 1 });
  provider.awareness.setLocalState({ at: 2 });
  // One at a time: the next waits for the answer.
  say(peer, { t: 'ok', i: first.i });
  const second = await next(peer, 'aw');
  expect(second['d']).toEqual({ at: 2 });
  expect(second['n']).toBeGreaterThan(first['n'] as number);
  say(peer, { t: 'ok', i: second.i });
  const gone = told(client, ({ status }) => status === 'disconnected');
  peer.cut();
  await gone;
  const newer = await scene.server.peer();
  await newer.next();
  newer.send(RESUMED, '{"t":"sync","users":[]}');
  await join(newer, { rec: true });
  const third = await next(newer, 'aw');
  expect(third['d']).toEqual({ at: 2 });
  expect(third['n']).toBeGreaterThan(second['n'] as number);
  await provider.close();
});

it('[DOC6] others come and go as the server says, by the events that editors listen to', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client);
  const changes: unknown[] = [];
  await join(peer);
  await provider.whenSynced;
  const heard = (times: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (changes.length >= times && resolve());
      provider.awareness.on('change', look);
      look();
    });
  provider.awareness.on('change', (change: unknown) => changes.push(change));
  say(peer, { t: 'aw', all: true, ss: [{ cl: 5, n: 1, by: 'bob', d: { at: 1 } }] });
  await heard(1);
  expect(provider.awareness.getStates().get(5)).toEqual({ at: 1 });
  expect([provider.userOf(5), provider.userOf(6)]).toEqual(['bob', undefined]);
  say(peer, {
    t: 'aw',
    ss: [
      { cl: 6, n: 1, by: 'eve', d: { at: 2 } },
      { cl: 5, n: 2, by: 'bob', d: { at: 3 } },
    ],
  });
  await heard(2);
  say(peer, { t: 'aw', ss: [{ cl: 6, n: 2 }] });
  await heard(3);
  say(peer, { t: 'aw', all: true, ss: [] });
  await heard(4);
  expect(changes).toEqual([
    { added: [5], updated: [], removed: [] },
    { added: [6], updated: [5], removed: [] },
    { added: [], updated: [], removed: [6] },
    { added: [], updated: [], removed: [5] },
  ]);
  expect([...provider.awareness.getStates().keys()]).toEqual([provider.doc.clientID]);
  await provider.close();
});

it('[DOC1] what was not acknowledged outlives the page, and goes out in the next life under the former client id', async () => {
  const store = memoryStore();
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { store, delayMs: 0 });
  await join(peer);
  await noteState(peer);
  await provider.whenSynced;
  const { d } = written('theirs');
  say(peer, { t: 'p', o: 1, ts: 1, by: 'bob', d });
  await until(provider, () => textOf(provider) === 'theirs');
  provider.doc.getText('t').insert(6, ', mine');
  const upd = await next(peer, 'upd');
  const former = provider.doc.clientID;
  await provider.close();
  expect((await next(peer, 'aw'))['d']).toBeUndefined();
  await next(peer, 'unsub');
  // Of a page that is gone nobody hears it.
  say(peer, { t: 'ok', i: upd.i, e: 'e1', o: 2 });

  const later = open(client, { store, delayMs: 0 });
  await later.whenLoaded;
  expect(textOf(later)).toBe('theirs, mine');
  expect(later.saved).toMatchObject({ unsent: 1, saved: false });
  const sub = await next(peer, 'sub');
  expect(sub).toMatchObject({ e: 'e1', o: 1, cl: [later.doc.clientID, former] });
  say(peer, { t: 'ok', i: sub.i, e: 'e1', o: 1, rec: true, role: 'write', sv: EMPTY });
  const again = await next(peer, 'upd');
  expect(again['d']).toBe(upd['d']);
  await noteState(peer);
  say(peer, { t: 'ok', i: again.i, e: 'e1', o: 2, dup: true });
  await later.whenSaved();
  await later.close();
  await next(peer, 'aw');
  await next(peer, 'unsub');
  const last = open(client, { store });
  await last.whenLoaded;
  expect([textOf(last), last.saved.unsent]).toEqual(['theirs, mine', 0]);
  await last.close();
});

it('a logout erases what is kept, and nobody who logs in later finds it', async () => {
  const store = memoryStore();
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { store });
  await join(peer);
  await provider.whenSynced;
  provider.doc.getText('t').insert(0, 'secret');
  const over = client.logout();
  for (let t = ''; t !== 'logout';) ({ t } = JSON.parse(await peer.next()) as Message);
  peer.close(4205);
  await over;
  expect(provider.status).toBe('ended');
  await provider.close();
  const bobs = open(scene.makeClient({ username: 'bob' }), { store });
  const own = open(scene.makeClient(), { store });
  await Promise.all([bobs.whenLoaded, own.whenLoaded]);
  expect([textOf(bobs), textOf(own)]).toEqual(['', '']);
  await Promise.all([bobs.close(), own.close()]);
});

it('the same document opened twice is one subscription, and each provider is closed for itself', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const one = open(client);
  const two = open(client);
  expect(two.doc).toBe(one.doc);
  expect(() => open(client, { doc: new Y.Doc() })).toThrow(
    expect.objectContaining({ code: 'options_invalid' }),
  );
  await join(peer);
  await noteState(peer);
  await Promise.all([one.whenSynced, two.whenSynced]);
  await one.close();
  expect(two.status).toBe('live');
  await two.close();
  expect((await next(peer, 'aw'))['d']).toBeUndefined();
  expect(await next(peer, 'unsub')).toEqual({ t: 'unsub', c: 'doc:1' });
});

it('a document that the app destroys ends its provider', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client);
  await join(peer);
  await noteState(peer);
  await provider.whenSynced;
  const saved = provider.whenSaved();
  provider.doc.destroy();
  const rest = [JSON.parse(await peer.next()), JSON.parse(await peer.next())] as Message[];
  expect(rest.find(({ t }) => t === 'aw')).not.toHaveProperty('d');
  expect(rest.find(({ t }) => t === 'unsub')).toEqual({ t: 'unsub', c: 'doc:1' });
  await saved;
  await expect(provider.whenSaved()).rejects.toMatchObject({ code: 'cancelled' });
});

it('[DOC5] a document that may not be read ends, with the code', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client);
  const sub = await next(peer, 'sub');
  say(peer, { t: 'err', i: sub.i, code: 'forbidden', m: 'no' });
  await expect(provider.whenSynced).rejects.toMatchObject({ code: 'forbidden' });
  expect(provider.info.get()).toMatchObject({ status: 'ended', code: 'forbidden', role: 'none' });
  await provider.close();
});

it('[DOC1] a client id that somebody else has is given up for another, where nothing was made by it', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { doc: Object.assign(new Y.Doc(), { clientID: 77 }) });
  const sub = await next(peer, 'sub');
  expect(sub['cl']).toEqual([77]);
  say(peer, { t: 'err', i: sub.i, code: 'client_id_taken', m: 'no' });
  const again = await join(peer);
  expect(again['cl']).toEqual([provider.doc.clientID]);
  expect(provider.doc.clientID).not.toBe(77);
  expect(provider.awareness.clientID).toBe(provider.doc.clientID);
  await provider.whenSynced;
  await provider.close();
});

it('[DOC1] [DOC4] what was made by a client id that somebody else has is made by another, in a document that takes its place', async () => {
  const store = memoryStore();
  const client = scene.makeClient();
  const doc = Object.assign(new Y.Doc(), { clientID: 77 });
  const provider = open(client, { doc, store, delayMs: 0 });
  await provider.whenLoaded;
  const text = doc.getText('t');
  text.insert(0, 'mine!');
  text.delete(4, 1);
  doc.getMap('m').set('k', new Y.Text('nested'));
  const { peer } = await scene.connect(client);
  const sub = await next(peer, 'sub');
  const reloaded = new Promise<Y.Doc>((resolve) => provider.on('reload', resolve));
  say(peer, { t: 'err', i: sub.i, code: 'client_id_taken', m: 'no' });
  const other = await reloaded;
  expect([other.clientID === 77, other.store.clients.has(77)]).toEqual([false, false]);
  const theirs = written('theirs, ', 77);
  const again = await next(peer, 'sub');
  expect(again['cl']).toEqual([other.clientID, ...other.store.clients.keys()]);
  say(peer, { t: 'ok', i: again.i, e: 'e1', o: 1, role: 'write', sv: theirs.sv, ds: 1 });
  say(peer, { t: 'ds', i: 1, n: 1, of: 1, o: 1, d: theirs.d });
  await noteState(peer);
  const upd = await next(peer, 'upd');
  expect(upd['full']).toBe(true);
  Y.applyUpdate(theirs.doc, bytes(upd['d']));
  for (const copy of [theirs.doc, other]) {
    expect(copy.getText('t').toJSON()).toMatch(/^(theirs, mine|minetheirs, )$/);
    expect(copy.getMap('m').toJSON()).toEqual({ k: 'nested' });
  }
  say(peer, { t: 'ok', i: upd.i, e: 'e1', o: 2 });
  await provider.whenSaved();
  await provider.close();
  const later = open(scene.makeClient(), { store });
  await later.whenLoaded;
  expect([later.saved.unsent, textOf(later)]).toEqual([0, other.getText('t').toJSON()]);
  await later.close();
});

it('[DOC7] lists, saves, views and restores versions', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client);
  await join(peer);
  await noteState(peer);
  const versions = provider.versions({ limit: 2 });
  const asked = await next(peer, 'doc');
  expect(asked).toEqual({ t: 'doc', c: 'doc:1', i: asked.i, do: 'versions', n: 2 });
  say(peer, {
    t: 'ok',
    i: asked.i,
    d: { vs: [{ v: 'v1', m: 'first', ts: 5, by: 'bob', bytes: 9 }], next: 'v1' },
  });
  expect(await versions).toEqual({
    versions: [{ id: 'v1', name: 'first', atMs: 5, by: 'bob', bytes: 9 }],
    next: 'v1',
  });
  const viewed = provider.viewVersion('v1');
  const view = await next(peer, 'doc');
  const { d } = written('then');
  say(peer, { t: 'ok', i: view.i, ds: 4 });
  say(peer, { t: 'ds', i: 4, n: 1, of: 1, d });
  expect(base64(await viewed)).toBe(d);
  const saving = provider.saveVersion('second');
  const save = await next(peer, 'doc');
  expect(save).toMatchObject({ do: 'save', m: 'second' });
  say(peer, { t: 'ok', i: save.i, d: { v: 'v2' } });
  expect(await saving).toBe('v2');
  const restoring = provider.restore('v9');
  const restore = await next(peer, 'doc');
  expect(restore).toMatchObject({ do: 'restore', v: 'v9' });
  say(peer, { t: 'err', i: restore.i, code: 'version_unknown', m: 'no' });
  await expect(restoring).rejects.toMatchObject({ code: 'version_unknown', unknown: false });
  await provider.close();
});

it('documents that lie in a document are opened when they are loaded, and closed with it', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { subdocument: (guid) => ({ id: guid }) });
  await join(peer);
  await noteState(peer);
  await provider.whenSynced;
  const page = new Y.Doc({ guid: 'page-1' });
  provider.doc.getMap('pages').set('1', page);
  const sub = await next(peer, 'sub');
  expect(sub).toMatchObject({ c: 'doc:page-1', cl: [page.clientID] });
  await provider.close();
  // What was changed may go out before, or not.
  const left = new Set(['doc:page-1', 'doc:1']);
  while (left.size > 0) {
    const { t, c } = JSON.parse(await peer.next()) as Message;
    if (t === 'unsub') left.delete(c as string);
  }
});

it('Lexical finds what it expects of a provider', async () => {
  const client = scene.makeClient();
  const { peer } = await scene.connect(client);
  const provider = open(client, { connect: false });
  const heard: unknown[] = [];
  const onStatus = ({ status }: { readonly status: string }): void => void heard.push(status);
  const onSync = (isSynced: boolean): void => void heard.push(isSynced);
  provider.on('status', onStatus);
  provider.on('sync', onSync);
  expect(provider.status).toBe('resting');
  provider.connect();
  await join(peer);
  await until(provider, () => provider.synced);
  provider.disconnect();
  expect(heard).toEqual(['connecting', 'connected', true, 'disconnected', false]);
  provider.off('status', onStatus);
  provider.connect();
  expect(heard).toHaveLength(5);
  await provider.close();
});
