import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { type OutboxBox, type OutboxStore, memoryStore } from '../src/outbox/index.ts';
import { hostPlatform } from '../src/platform.ts';
import { type DocumentBox, type Held, openBox } from '../src/yjs/document-box.ts';

let lastId = 0;

function open(store: OutboxStore, doc: Y.Doc, name = 'alice', reported: unknown[] = []): DocumentBox {
  const platform = { ...hostPlatform(), report: (error: unknown) => void reported.push(error) };
  return openBox(
    store,
    name,
    platform,
    () => Y.encodeStateAsUpdate(doc),
    () => ++lastId,
  );
}

/** An update that types a letter behind what is there. */
function type(doc: Y.Doc, letter: string): Uint8Array {
  const updates: Uint8Array[] = [];
  doc.once('update', (update: Uint8Array) => updates.push(update));
  doc.getText('t').insert(doc.getText('t').length, letter);
  return updates[0]!;
}

function textOf({ updates, own }: Held): string {
  const doc = new Y.Doc();
  for (const update of [...updates, ...own.map((each) => each.update)]) Y.applyUpdate(doc, update);
  return doc.getText('t').toJSON();
}

async function texts(store: OutboxStore, name = 'alice'): Promise<readonly string[]> {
  const box = await store.open(name);
  return [...(await box.all()).values()];
}

it('keeps the document, how far it goes, and what is not acknowledged, for whoever opens it next', async () => {
  const store = memoryStore();
  const doc = new Y.Doc();
  const box = open(store, doc);
  expect(await box.held).toEqual({ updates: [], own: [], position: null });
  box.applied([type(doc, 'a')], { epoch: 'e', offset: 1 });
  const [b, c] = [type(doc, 'b'), type(doc, 'c')];
  box.keep({ id: 101, update: b });
  box.keep({ id: 102, update: c });
  box.acknowledged([101]);
  await box.close();
  const held = await open(store, doc).held;
  expect(textOf(held)).toBe('abc');
  expect(held.position).toEqual({ epoch: 'e', offset: 1 });
  expect(held.own.map(({ update }) => [...update])).toEqual([[...c]]);
});

it('an update that is acknowledged before the store has it is kept as acknowledged', async () => {
  const store = memoryStore();
  const doc = new Y.Doc();
  const box = open(store, doc);
  box.keep({ id: 201, update: type(doc, 'a') });
  box.acknowledged([201]);
  await box.close();
  const held = await open(store, doc).held;
  expect([textOf(held), held.own]).toEqual(['a', []]);
});

it('writes many records anew as one, and leaves those of another tab and what is not acknowledged', async () => {
  const store = memoryStore();
  const doc = new Y.Doc();
  const box = open(store, doc);
  await box.held;
  const other = open(store, new Y.Doc());
  await other.held;
  const theirs = type(doc, 'x');
  other.applied([theirs], { epoch: 'e', offset: 1 });
  await other.written();
  const updates = [theirs];
  for (let at = 0; at < 150; at++) updates.push(type(doc, 'y'));
  box.applied(updates, { epoch: 'e', offset: 151 });
  await box.written();
  expect(await texts(store)).toHaveLength(152);
  const mine = type(doc, 'm');
  box.keep({ id: 301, update: mine });
  const more = Array.from({ length: 60 }, () => type(doc, 'z'));
  box.applied(more, { epoch: 'e', offset: 212 });
  await box.written();
  expect(await texts(store)).toHaveLength(3);
  const held = await open(store, doc).held;
  expect(textOf(held)).toBe(doc.getText('t').toJSON());
  expect(held.position).toEqual({ epoch: 'e', offset: 212 });
  expect(held.own).toHaveLength(1);
});

it('what one user keeps nobody else finds, and what was erased nobody', async () => {
  const store = memoryStore();
  const doc = new Y.Doc();
  const box = open(store, doc);
  box.applied([type(doc, 'a')], { epoch: 'e', offset: 1 });
  await box.written();
  expect((await open(store, doc, 'bob').held).updates).toEqual([]);
  box.keep({ id: 401, update: type(doc, 'b') });
  box.erase();
  await box.written();
  expect(await texts(store)).toEqual([]);
});

it('works in memory where the store refuses, and says so; leaves alone what it cannot read', async () => {
  const doc = new Y.Doc();
  const box = open({ open: () => Promise.reject(new Error('no')) }, doc);
  await box.held;
  expect(box.durable).toBe(false);
  box.keep({ id: 501, update: type(doc, 'a') });
  await box.close();
  const store = memoryStore();
  await (await store.open('alice')).add(['nonsense', '{"u":"%"}', '[]', '{"v":2}']);
  const odd = open(store, doc);
  expect(await odd.held).toEqual({ updates: [], own: [], position: null });
  await odd.close();
  expect(await texts(store)).toHaveLength(4);
});

it('a change that could not be kept is reported, and those behind it are kept', async () => {
  const doc = new Y.Doc();
  const store = memoryStore();
  let refuses = true;
  const full: OutboxStore = {
    async open(name) {
      const box: OutboxBox = await store.open(name);
      return { ...box, add: (added) => (refuses ? Promise.reject(new Error('quota')) : box.add(added)) };
    },
  };
  const reported: unknown[] = [];
  const box = open(full, doc, 'alice', reported);
  box.keep({ id: 601, update: type(doc, 'a') });
  await box.written();
  expect(String(reported[0])).toContain('quota');
  refuses = false;
  box.keep({ id: 602, update: type(doc, 'b') });
  await box.close();
  expect(await texts(store)).toHaveLength(1);
});
