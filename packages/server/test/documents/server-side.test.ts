import { defineContract, document } from '@carillon/contract';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { createInlineEngine } from '../../src/adapters/yjs/engine.ts';
import type { DocumentEdit, DocumentEngine } from '../../src/ports/document-engine.ts';
import { createTestServer } from '../../src/testing/kit/test-server.ts';
import type { BareClient, Harness, Wire } from '../runtime/harness.ts';
import { createManyNodes } from '../runtime/channels/many-nodes.ts';
import { createDocumentHarness, documentPorts, documentSpec } from './document-harness.ts';
import { base64, createReader, textOf, typed, updateOf } from './yjs-client.ts';

const DOC = 'doc:1';

let requests = 0;

async function ask({ clock }: Pick<Harness, 'clock'>, client: BareClient, message: object): Promise<Wire> {
  const i = ++requests;
  client.send({ ...message, i });
  await clock.settle();
  const answer = client.received.find((each) => each['i'] === i && (each.t === 'ok' || each.t === 'err'));
  if (answer === undefined) throw new Error(`no answer to ${JSON.stringify(message)}`);
  return answer;
}

async function textNow({ node }: Harness): Promise<unknown> {
  const now = await node.documents.json(DOC);
  return now.ok ? now.value.json['text'] : now;
}

const insert = (text: string, index = 0): DocumentEdit => ({ op: 'insert', at: 'text', index, text });

function docOf(text: string): Y.Doc {
  const doc = new Y.Doc();
  typed(doc).insert(0, text);
  return doc;
}

describe('edits by the server', () => {
  it('reach everybody as one change of the user they are made for, by a client id of its own', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await harness.logIn('ann');
    const doc = new Y.Doc();
    const reader = createReader(await ask(harness, ann, { t: 'sub', c: DOC, cl: [doc.clientID] }), doc);
    const made = await harness.node.documents.edit(DOC, {
      edits: [
        insert('hello'),
        { op: 'insert', at: 'text', index: 5, text: '!' },
        { op: 'set', at: 'meta', key: 'k', value: [1] },
      ],
      by: 'bob',
    });
    expect(made).toMatchObject({ ok: true, value: { position: { offset: 1 }, duplicate: false } });
    await harness.clock.settle();
    expect(ann.received.filter(({ t }) => t === 'p')).toMatchObject([{ c: DOC, o: 1, by: 'bob' }]);
    expect(reader.read(ann.received)).toBe('hello!');
    expect(doc.getMap('meta').toJSON()).toEqual({ k: [1] });
    expect([...Y.decodeStateVector(Y.encodeStateVector(doc)).keys()]).toHaveLength(1);

    const own = await harness.node.documents.edit(DOC, { edits: [insert('Oh, ')] });
    await harness.clock.settle();
    expect(own).toMatchObject({ ok: true, value: { position: { offset: 2 } } });
    expect(ann.received.filter(({ t }) => t === 'p')[1]).not.toHaveProperty('by');
    expect(await harness.node.documents.authors(DOC)).toMatchObject({
      value: {
        position: { offset: 2 },
        roots: {
          text: [
            { by: null, length: 4, text: 'Oh, ' },
            { by: 'bob', length: 6, text: 'hello!' },
          ],
        },
      },
    });
    expect(await ask(harness, ann, { t: 'doc', c: DOC, do: 'authors' })).toMatchObject({
      d: {
        text: [
          { by: null, text: 'Oh, ' },
          { by: 'bob', text: 'hello!' },
        ],
      },
    });
  });

  it('are all made or none, where one does not fit', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const edits: DocumentEdit[] = [insert('ab'), { op: 'delete', at: 'text', index: 1, length: 2 }];
    expect(await harness.node.documents.edit(DOC, { edits })).toMatchObject({ code: 'update_invalid' });
    expect(await textNow(harness)).toBeUndefined();
    const list: DocumentEdit[] = [
      { op: 'push', at: 'list', values: ['a', { b: 1 }, null] },
      { op: 'delete', at: 'list', index: 0, length: 2 },
    ];
    expect(await harness.node.documents.edit(DOC, { edits: list })).toMatchObject({ ok: true });
    expect(await harness.node.documents.json(DOC)).toMatchObject({ value: { json: { list: [null] } } });
    const further: DocumentEdit = { op: 'delete', at: 'list', index: 1, length: 1 };
    expect(await harness.node.documents.edit(DOC, { edits: [further] })).toMatchObject({
      code: 'update_invalid',
    });
    const gone: DocumentEdit = { op: 'unset', at: 'meta', key: 'none' };
    expect(await harness.node.documents.edit(DOC, { edits: [gone] })).toMatchObject({
      ok: true,
      value: { duplicate: true, position: { offset: 1 } },
    });
  });

  it('with an id are made once, also where they would not fit any more; other edits may not have it', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const edit = (edits: readonly DocumentEdit[], by?: string) =>
      harness.node.documents.edit(DOC, { edits, id: 'once', by });
    await harness.node.documents.edit(DOC, { edits: [insert('abc')] });
    const remove: DocumentEdit = { op: 'delete', at: 'text', index: 0, length: 2 };
    expect(await edit([remove])).toMatchObject({ value: { position: { offset: 2 }, duplicate: false } });
    expect(await edit([remove])).toMatchObject({ value: { position: { offset: 2 }, duplicate: true } });
    expect(await textNow(harness)).toBe('c');
    expect(await edit([insert('x')])).toMatchObject({ ok: false, code: 'id_reused' });
    // Everybody has ids of their own.
    expect(await edit([insert('x')], 'ann')).toMatchObject({ ok: true, value: { duplicate: false } });
    expect(await textNow(harness)).toBe('xc');
  });

  it('that come twice at once under one id are made once', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const both = await Promise.all(
      [0, 1].map(() => harness.node.documents.edit(DOC, { edits: [insert('once')], id: 'one' })),
    );
    expect(both.filter((each) => each.ok && each.value.duplicate)).toHaveLength(1);
    expect(both.every(({ ok }) => ok)).toBe(true);
    expect(await textNow(harness)).toBe('once');
  });

  it('are bounded in number and names, and are for documents alone', async () => {
    const { node } = await createDocumentHarness(documentSpec());
    const { documents } = node;
    const many = (count: number) => Array.from({ length: count }, () => insert('x'));
    expect(await documents.edit(DOC, { edits: many(1_000) })).toMatchObject({ ok: true });
    for (const edits of [many(1_001), []])
      expect(await documents.edit(DOC, { edits })).toMatchObject({ code: 'bad_message' });
    const id = 'x'.repeat(64);
    expect(await documents.edit(DOC, { edits: many(1), id })).toMatchObject({ ok: true });
    expect(await documents.edit(DOC, { edits: many(1), id: `${id}x` })).toMatchObject({
      code: 'bad_message',
    });
    expect(await documents.edit(DOC, { edits: many(1), by: '' })).toMatchObject({ code: 'user_id_invalid' });
    expect(await documents.edit('chat:1', { edits: many(1) })).toMatchObject({ code: 'kind_mismatch' });
    expect(await documents.edit('none', { edits: many(1) })).toMatchObject({ code: 'channel_unknown' });
    expect(documents.limits('chat:1')).toMatchObject({ code: 'kind_mismatch' });
    expect(await documents.saveVersion(DOC, 'x'.repeat(129))).toMatchObject({ code: 'bad_message' });
    expect(await documents.saveVersion(DOC, 'x'.repeat(128))).toMatchObject({ ok: true });
    for (const limit of [0, 1_001])
      expect(await documents.versions(DOC, null, limit)).toMatchObject({ code: 'bad_message' });
  });

  it('are answered unavailable where the engine does not answer, and change nothing', async () => {
    const engine = { edit: () => Promise.reject(new Error('it died')) };
    const harness = await createDocumentHarness(documentSpec(), documentPorts(engine));
    expect(await harness.node.documents.edit(DOC, { edits: [insert('x')] })).toMatchObject({
      code: 'unavailable',
    });
    expect(await textNow(harness)).toBeUndefined();
  });
});

describe('import and export', () => {
  it('join what is imported to what is there; again it changes nothing', async () => {
    const harness = await createDocumentHarness(documentSpec());
    await harness.node.documents.edit(DOC, { edits: [{ op: 'set', at: 'meta', key: 'k', value: 1 }] });
    const given = docOf('imported');
    typed(given).delete(0, 2);
    const update = Y.encodeStateAsUpdate(given);
    const { documents } = harness.node;
    expect(await documents.import(DOC, update)).toMatchObject({ value: { duplicate: false } });
    expect(await documents.import(DOC, update)).toMatchObject({ value: { duplicate: true } });
    expect(await documents.json(DOC)).toMatchObject({
      value: { position: { offset: 2 }, json: { text: 'ported', meta: { k: 1 } } },
    });
    const exported = await documents.state(DOC);
    const copy = new Y.Doc();
    if (exported.ok) Y.applyUpdate(copy, exported.value.update);
    expect(textOf(copy)).toBe('ported');
  });

  it('take what goes on with the client ids of others: it stays theirs', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await harness.logIn('ann');
    const doc = new Y.Doc();
    await ask(harness, ann, { t: 'sub', c: DOC, cl: [doc.clientID] });
    const upd = (change: (text: Y.Text) => void): object => ({
      t: 'upd',
      c: DOC,
      d: base64(updateOf(doc, () => change(typed(doc)))),
    });
    await ask(
      harness,
      ann,
      upd((text) => text.insert(0, 'mine')),
    );
    // Ann's own copy, brought by the app's backend: it has what Ann has not sent yet.
    typed(doc).insert(4, ' too');
    expect(await harness.node.documents.import(DOC, Y.encodeStateAsUpdate(doc))).toMatchObject({
      ok: true,
      value: { duplicate: false },
    });
    expect(
      await ask(
        harness,
        ann,
        upd((text) => text.insert(8, '!')),
      ),
    ).toMatchObject({ t: 'ok' });
    expect(await harness.node.documents.authors(DOC)).toMatchObject({
      value: { roots: { text: [{ by: 'ann', text: 'mine too!' }] } },
    });
  });

  it('are bounded by the size of the document, not by that of an update', async () => {
    const update = Y.encodeStateAsUpdate(docOf('x'.repeat(5_000)));
    const spec = (documentBytes: number) => documentSpec({ updateBytes: 1_024, documentBytes });
    const { node } = await createDocumentHarness(spec(update.length));
    expect(await node.documents.import(DOC, update)).toMatchObject({ ok: true });
    const { node: smaller } = await createDocumentHarness(spec(update.length - 1));
    expect(await smaller.documents.import(DOC, update)).toMatchObject({ code: 'too_large' });
    // An edit is an update like any.
    const long = insert('x'.repeat(2_000));
    expect(await smaller.documents.edit(DOC, { edits: [long] })).toMatchObject({ code: 'too_large' });
  });

  it('refuse what is no update, and what builds on what is not there', async () => {
    const { node } = await createDocumentHarness(documentSpec());
    expect(await node.documents.import(DOC, new Uint8Array([1, 2, 3]))).toMatchObject({
      code: 'update_invalid',
    });
    const doc = docOf('a');
    const second = updateOf(doc, () => typed(doc).insert(1, 'b'));
    expect(await node.documents.import(DOC, second)).toMatchObject({ code: 'update_gap' });
  });
});

describe('deleting a document', () => {
  it('forgets content and versions; who is in it is told, and a copy that comes back is taken', async () => {
    const harness = await createDocumentHarness(documentSpec());
    const ann = await harness.logIn('ann');
    const doc = new Y.Doc();
    await ask(harness, ann, { t: 'sub', c: DOC, cl: [doc.clientID] });
    const update = base64(updateOf(doc, () => typed(doc).insert(0, 'secret')));
    const { e } = await ask(harness, ann, { t: 'upd', c: DOC, d: update });
    await harness.node.documents.saveVersion(DOC, 'kept');
    ann.take();

    expect(await harness.node.documents.delete(DOC)).toMatchObject({ ok: true });
    await harness.clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'gap', c: DOC, why: 'epoch', o: 0 }]);
    expect(await harness.node.documents.json(DOC)).toMatchObject({
      value: { json: {}, position: { offset: 0 } },
    });
    expect(await harness.node.documents.versions(DOC, null, 10)).toMatchObject({ value: { versions: [] } });

    const rita = await harness.logIn('rita');
    const joined = await ask(harness, rita, { t: 'sub', c: DOC });
    expect(joined).toMatchObject({ t: 'ok', o: 0, sv: 'AA==' });
    expect(joined['e']).not.toBe(e);
    expect(joined).not.toHaveProperty('ds');
    // What the room knew of the document is gone as well: it is not taken for known.
    expect(await ask(harness, ann, { t: 'upd', c: DOC, d: update })).toMatchObject({ t: 'ok', o: 1 });
    expect(await textNow(harness)).toBe('secret');
  });

  it('forgets a document that was put into a snapshot', async () => {
    const harness = await createDocumentHarness(documentSpec({ compactUpdates: 2 }));
    for (const text of ['a', 'b', 'c']) await harness.node.documents.edit(DOC, { edits: [insert(text)] });
    await harness.clock.settle();
    expect(await textNow(harness)).toBe('cba');
    const rita = await harness.logIn('rita');
    const before = await ask(harness, rita, { t: 'sub', c: DOC });
    expect(before).toMatchObject({ ds: expect.any(Number) });
    await harness.node.documents.delete(DOC);
    expect(await textNow(harness)).toBeUndefined();
    // What was kept for those who join at the same moment is not sent any more.
    const carl = await harness.logIn('carl');
    const behind = await ask(harness, carl, { t: 'sub', c: DOC });
    expect(behind).toMatchObject({ sv: 'AA==', o: 0 });
    expect(createReader(behind).read(carl.received)).toBe('');
    await harness.node.documents.edit(DOC, { edits: [insert('new')] });
    expect(await textNow(harness)).toBe('new');
  });
});

it('what is deleted on one node is told on the others when they compare with the log', async () => {
  const nodes = await createManyNodes(['n1', 'n2'], {
    channels: [documentSpec({ compactUpdates: 2 })],
    decide: () => ({ allow: true, untilMs: null, role: 'write' }),
    documents: documentPorts(),
  });
  const [n1, n2] = [nodes.node('n1'), nodes.node('n2')];
  for (const text of ['a', 'b', 'c']) await n1.node.documents.edit(DOC, { edits: [insert(text)] });
  const bob = await n2.logIn('bob');
  expect(await ask(n2, bob, { t: 'sub', c: DOC })).toMatchObject({ o: 3 });
  bob.take();
  expect(await n1.node.documents.delete(DOC)).toMatchObject({ ok: true });
  await nodes.clock.advance(10_000);
  expect(bob.take().filter(({ t }) => t === 'gap')).toMatchObject([{ c: DOC, why: 'epoch', o: 0 }]);
  expect(await ask(n2, bob, { t: 'sub', c: DOC, sv: 'AA==' })).toMatchObject({ t: 'ok', sv: 'AA==' });
  expect(bob.take().filter(({ t }) => t === 'ds' || t === 'ps')).toEqual([]);
});

it('in the words of the contract, and of the kit that an app tests with', async () => {
  const server = await createTestServer(defineContract({ channels: { 'doc:{id}': document() } }), {
    authorize: { 'doc:{id}': () => 'write' },
  });
  const paper = server.document('doc:{id}', { id: 'a b' });
  expect(await paper.edit([insert('kept')], { by: 'ann', id: 'e' })).toMatchObject({ ok: true });
  const saved = await paper.saveVersion('one', { by: 'ann' });
  expect(saved).toMatchObject({ value: { name: 'one', by: 'ann' } });
  const id = saved.ok ? saved.value.id : '';
  await paper.edit([insert('not ')]);
  expect(await paper.diff(id)).toMatchObject({ value: [{ root: 'text' }] });
  expect(await paper.diff(id, id)).toMatchObject({ ok: true });
  expect(await paper.restore(id, { by: 'ann' })).toMatchObject({ value: { changed: true } });
  expect(await paper.json()).toMatchObject({ value: { json: { text: 'kept' } } });
  expect(await paper.authors()).toMatchObject({ value: { roots: { text: [{ by: 'ann' }] } } });
  const found = await paper.version(id);
  const state = await paper.state();
  if (found.ok) expect(await paper.import(found.value.update)).toMatchObject({ value: { duplicate: true } });
  expect(state).toMatchObject({ ok: true });
  expect(await paper.versions({ limit: 1 })).toMatchObject({ value: { next: expect.any(String) } });
  expect(await paper.removeVersion(id)).toMatchObject({ ok: true });
  expect(await paper.versions()).toMatchObject({ value: { versions: [{ name: null }], next: null } });
  expect(await server.node.documents.json('doc:a%20b')).toMatchObject({ value: { json: { text: 'kept' } } });
  expect(await paper.delete()).toMatchObject({ ok: true });
  expect(await paper.json()).toMatchObject({ value: { json: {} } });
  expect(await server.document('doc:{id}', { id: '' }).json()).toMatchObject({ code: 'channel_invalid' });
  await server.close();
});

it('a compaction that is under way does not bring back what is deleted', async () => {
  const inline = createInlineEngine();
  const jobs: (() => void)[] = [];
  const engine: Partial<DocumentEngine> = {
    async compact(parts) {
      await new Promise<void>((resolve) => void jobs.push(resolve));
      return inline.compact(parts);
    },
  };
  const harness = await createDocumentHarness(documentSpec({ compactUpdates: 2 }), documentPorts(engine));
  for (const text of ['a', 'b']) await harness.node.documents.edit(DOC, { edits: [insert(text)] });
  expect(jobs).toHaveLength(1);
  await harness.node.documents.delete(DOC);
  for (const go of jobs) go();
  await harness.clock.settle();
  expect(await textNow(harness)).toBeUndefined();
});

it('no job of these leaves a document behind', async () => {
  const engine = createInlineEngine();
  const { node } = await createDocumentHarness(documentSpec(), documentPorts(engine));
  await node.documents.edit(DOC, { edits: [insert('x')] });
  const saved = await node.documents.saveVersion(DOC, 'x');
  const v = saved.ok ? saved.value.id : '';
  await node.documents.edit(DOC, { edits: [insert('y')] });
  await node.documents.diff(DOC, v, null);
  await node.documents.restore(DOC, v);
  await node.documents.authors(DOC);
  await node.documents.state(DOC);
  await node.documents.versionJson(DOC, v);
  expect(await engine.retained()).toBe(0);
});
