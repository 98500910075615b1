import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DocumentEngine, DocumentParts } from '../ports/document-engine.ts';

export type DocumentEngineSubject = {
  readonly engine: DocumentEngine;
  close(): Promise<void>;
};

/** Documents with content of every kind are made by Yjs itself, an optional peer: loaded when the suite runs. */
type Yjs = typeof import('yjs');

const EMPTY: DocumentParts = { state: null, tail: [] };

/** What every `DocumentEngine` must do. */
export function documentEngineContract(name: string, open: () => Promise<DocumentEngineSubject>): void {
  describe(`DocumentEngine: ${name}`, () => {
    let Y: Yjs;
    let engine: DocumentEngine;
    let subject: DocumentEngineSubject;
    beforeAll(async () => {
      Y = await import('yjs');
    });
    beforeEach(async () => {
      subject = await open();
      ({ engine } = subject);
    });
    afterEach(() => subject.close());

    /** A document of client 7 with its updates, one for each change. */
    function typed(): { doc: InstanceType<Yjs['Doc']>; tail: Uint8Array[] } {
      const doc = new Y.Doc();
      doc.clientID = 7;
      const tail: Uint8Array[] = [];
      doc.on('update', (update: Uint8Array) => tail.push(update));
      doc.getText('text').insert(0, 'Hello world');
      doc.getText('text').format(0, 5, { bold: true });
      doc.getText('text').delete(5, 6);
      doc.getMap('map').set('list', new Y.Array());
      doc.getMap('map').set('n', 1);
      doc.getMap('map').set('n', 2);
      doc.getArray('list').push([1, 'two', { three: 3 }]);
      doc.getXmlFragment('xml').insert(0, [new Y.XmlElement('p')]);
      return { doc, tail };
    }

    function documentOf(...updates: readonly Uint8Array[]): InstanceType<Yjs['Doc']> {
      const doc = new Y.Doc();
      for (const update of updates) Y.applyUpdate(doc, update);
      return doc;
    }

    it('[DOC4] inspection tells what an update brings, needs and deletes, and what is none', () => {
      const { doc, tail } = typed();
      const [first, , third] = tail;
      expect(engine.inspect(first as Uint8Array)).toEqual({
        ok: true,
        content: { brings: [{ client: 7, from: 0, to: 11 }], needs: new Map(), deletes: false },
      });
      expect(engine.inspect(third as Uint8Array)).toMatchObject({
        ok: true,
        content: { brings: [], needs: new Map([[7, 11]]), deletes: true },
      });
      expect(engine.inspect(Y.encodeStateAsUpdate(doc))).toMatchObject({ ok: true });
      for (const bytes of [[], [1], [0, 0, 0], [1, 1, 1, 0, 31, 0]])
        expect(engine.inspect(Uint8Array.from(bytes))).toMatchObject({ ok: false });
    });

    it('[DOC1] merges updates to one that brings the same, also thousands and none', () => {
      const { doc, tail } = typed();
      for (let i = 0; i < 2_000; i++) doc.getText('text').insert(i % 5, 'x');
      const merged = engine.merge(tail);
      expect(Y.encodeStateAsUpdate(documentOf(merged))).toEqual(Y.encodeStateAsUpdate(doc));
      expect(engine.inspect(engine.merge([]))).toMatchObject({ ok: true, content: { brings: [] } });
    });

    it('[DOC4] trims an update to what a vector lacks, and leaves its deletions', () => {
      const { doc } = typed();
      const whole = Y.encodeStateAsUpdate(doc);
      const trimmed = engine.trim(whole, new Map([[7, 9]]));
      const inspected = engine.inspect(trimmed);
      expect(inspected).toMatchObject({
        ok: true,
        content: { brings: [{ client: 7, from: 9, to: Y.getState(doc.store, 7) }], deletes: true },
      });
      const without = documentOf(engine.trim(whole, new Map([[7, 1_000]])));
      expect(Y.encodeStateVector(without)).toEqual(Uint8Array.of(0));
    });

    it('[DOC4] what is trimmed is applied even where what is known is not what the update says', () => {
      // Two collected clocks, and then "abc" in their place.
      const collected = Uint8Array.of(1, 1, 1, 0, 0, 2, 0);
      const abc = Uint8Array.of(1, 1, 1, 0, 4, 1, 1, 0x74, 3, 0x61, 0x62, 0x63, 0);
      expect(() => documentOf(collected, abc)).toThrow();
      const doc = documentOf(collected, engine.trim(abc, new Map([[1, 2]])));
      expect(Y.getState(doc.store, 1)).toBe(3);
    });

    it('[DOC1] state vectors are those of Yjs; what is none is undefined', () => {
      const vector = new Map([
        [7, 3],
        [4_000_000_000, 2 ** 40],
      ]);
      expect(engine.encodeVector(vector)).toEqual(Y.encodeStateVector(vector));
      expect(engine.decodeVector(engine.encodeVector(vector))).toEqual(vector);
      for (const bytes of [[], [1], [5, 1, 1], [0, 1]])
        expect(engine.decodeVector(Uint8Array.from(bytes))).toBeUndefined();
    });

    it('[DOC2] compacts snapshot and tail to one snapshot without what was deleted, and leaves both as they were', async () => {
      const { doc, tail } = typed();
      const secret = 'never to be read again '.repeat(20);
      doc.getText('text').insert(0, secret);
      doc.getText('text').delete(0, secret.length);
      const copies = tail.map((update) => update.slice());
      const half = await engine.compact({ state: null, tail: tail.slice(0, 4) });
      if (!half.ok) throw new Error(half.detail);
      const all = await engine.compact({ state: half.state, tail: tail.slice(4) });
      if (!all.ok) throw new Error(all.detail);
      expect(tail).toEqual(copies);
      expect(all.vector).toEqual(Y.decodeStateVector(Y.encodeStateVector(doc)));
      expect(all.vector).toEqual(Y.decodeStateVector(Y.encodeStateVectorFromUpdate(all.state)));
      const again = documentOf(all.state);
      expect(again.getText('text').toDelta()).toEqual(doc.getText('text').toDelta());
      expect(again.getMap('map').toJSON()).toEqual(doc.getMap('map').toJSON());
      expect(Buffer.from(all.state).includes('never')).toBe(false);
      expect(await engine.compact(EMPTY)).toEqual({
        ok: true,
        state: Uint8Array.of(0, 0),
        vector: new Map(),
      });
    });

    it('refuses to make a document of updates of which one is missing, or one is none', async () => {
      const { tail } = typed();
      expect(await engine.compact({ state: null, tail: tail.slice(1) })).toMatchObject({ ok: false });
      expect(await engine.compact({ state: Uint8Array.of(1, 2, 3), tail: [] })).toMatchObject({ ok: false });
      expect(await engine.json({ state: null, tail: [Uint8Array.of(9)] })).toMatchObject({ ok: false });
    });

    it('[DOC2] the difference from a state vector is what its holder lacks', async () => {
      const { doc, tail } = typed();
      const theirs = documentOf(...tail.slice(0, 3));
      const job = await engine.diffUpdate({ state: null, tail }, Y.encodeStateVector(theirs));
      if (!job.ok) throw new Error(job.detail);
      Y.applyUpdate(theirs, job.update);
      expect(Y.encodeStateVector(theirs)).toEqual(Y.encodeStateVector(doc));
      expect(job.update.length).toBeLessThan(Y.encodeStateAsUpdate(doc).length);
      const snapshot = { state: Y.encodeStateAsUpdate(doc), tail: [] };
      const before = documentOf(...tail.slice(0, 3));
      const ofSnapshot = await engine.diffUpdate(snapshot, Y.encodeStateVector(before));
      if (!ofSnapshot.ok) throw new Error(ofSnapshot.detail);
      Y.applyUpdate(before, ofSnapshot.update);
      expect(Y.encodeStateAsUpdate(before)).toEqual(Y.encodeStateAsUpdate(doc));
      for (const parts of [{ state: null, tail }, snapshot])
        expect(await engine.diffUpdate(parts, Uint8Array.of(3))).toMatchObject({ ok: false });
      expect(await engine.diffUpdate({ state: Uint8Array.of(1), tail: [] }, Uint8Array.of(0))).toMatchObject({
        ok: false,
      });
    });

    it('[DOC4] prunes an update to what is new in it, deletions included, and to null where nothing is', async () => {
      const { doc, tail } = typed();
      const parts = { state: null, tail: [...tail] };
      const whole = Y.encodeStateAsUpdate(doc);
      expect(await engine.prune(parts, whole)).toEqual({ ok: true, update: null });
      const theirs = documentOf(whole);
      theirs.clientID = 8;
      theirs.getText('text').delete(0, 2);
      theirs.getText('text').insert(0, 'new');
      const job = await engine.prune(parts, Y.encodeStateAsUpdate(theirs));
      if (!job.ok || job.update === null) throw new Error('nothing is new');
      expect(engine.inspect(job.update)).toEqual({
        ok: true,
        content: {
          brings: [expect.objectContaining({ client: 8, from: 0 })],
          needs: new Map([[7, expect.any(Number)]]),
          deletes: true,
        },
      });
      // What was deleted before is not repeated.
      expect(Y.decodeUpdate(job.update).ds.clients.get(7)).toEqual([expect.objectContaining({ len: 2 })]);
      Y.applyUpdate(doc, job.update);
      expect(doc.getText('text').toDelta()).toEqual(theirs.getText('text').toDelta());
      const builtOnIt: Uint8Array[] = [];
      theirs.on('update', (update: Uint8Array) => builtOnIt.push(update));
      theirs.getText('text').insert(3, 'er');
      expect(await engine.prune(parts, builtOnIt[0] as Uint8Array)).toMatchObject({ ok: false });
    });

    it('[DOC7] restores a document by one change of the client id that is named; nothing is left to do then', async () => {
      const { doc, tail } = typed();
      const target = Y.encodeStateAsUpdate(doc);
      const wanted = documentOf(target);
      doc.getText('text').delete(0, 3);
      doc.getText('text').insert(0, 'J');
      doc.getMap('map').delete('n');
      doc.getXmlFragment('xml').delete(0, 1);
      doc.getArray('list').insert(0, ['zero']);
      doc.getText('other').insert(0, 'was not there');
      const parts = { state: null, tail };
      const job = await engine.restore(parts, target, 99);
      if (!job.ok || job.update === null) throw new Error('nothing was restored');
      const inspected = engine.inspect(job.update);
      expect(inspected).toMatchObject({ ok: true, content: { brings: [{ client: 99, from: 0 }] } });
      Y.applyUpdate(doc, job.update);
      expect(doc.getText('text').toDelta()).toEqual(wanted.getText('text').toDelta());
      expect(doc.getMap('map').toJSON()).toEqual(wanted.getMap('map').toJSON());
      expect(doc.getArray('list').toJSON()).toEqual(wanted.getArray('list').toJSON());
      expect(doc.getXmlFragment('xml').toJSON()).toEqual(wanted.getXmlFragment('xml').toJSON());
      expect(doc.getText('other').length).toBe(0);
      tail.push(job.update);
      expect(await engine.restore(parts, target, 100)).toEqual({ ok: true, update: null });
    });

    it('makes edits as one change, or none of them where one does not fit', async () => {
      const { doc, tail } = typed();
      const parts = { state: null, tail: [...tail] };
      const job = await engine.edit(
        parts,
        [
          { at: 'text', op: 'insert', index: 5, text: ' there' },
          { at: 'text', op: 'delete', index: 0, length: 1 },
          { at: 'map', op: 'set', key: 'o', value: { a: [1, null] } },
          { at: 'map', op: 'unset', key: 'n' },
          { at: 'list', op: 'push', values: [true] },
          { at: 'new', op: 'insert', index: 0, text: 'begun' },
        ],
        99,
      );
      if (!job.ok || job.update === null) throw new Error('nothing was changed');
      Y.applyUpdate(doc, job.update);
      expect(await engine.json({ state: Y.encodeStateAsUpdate(doc), tail: [] })).toMatchObject({
        ok: true,
        json: {
          text: [{ insert: 'ello', attributes: { bold: true } }, { insert: ' there' }],
          map: { o: { a: [1, null] }, list: [] },
          list: [1, 'two', { three: 3 }, true],
          new: 'begun',
        },
      });
      for (const edits of [
        [{ at: 'text', op: 'insert', index: 99, text: 'x' }],
        [{ at: 'text', op: 'delete', index: 4, length: 2 }],
        [
          { at: 'list', op: 'push', values: [1] },
          { at: 'text', op: 'set', key: 'x', value: 1 },
        ],
      ] as const)
        expect(await engine.edit(parts, edits, 99)).toMatchObject({ ok: false });
      expect(await engine.edit(parts, [{ at: 'map', op: 'unset', key: 'none' }], 99)).toEqual({
        ok: true,
        update: null,
      });
    });

    it('gives a document as JSON by the kinds that its content shows; what was emptied is null', async () => {
      const { doc } = typed();
      doc.getText('emptied').insert(0, 'x');
      doc.getText('emptied').delete(0, 1);
      const [element] = doc.getXmlFragment('xml').toArray();
      if (!(element instanceof Y.XmlElement)) throw new Error('no element');
      element.setAttribute('id', 'a"b');
      element.insert(0, [new Y.XmlText('1 < 2')]);
      doc.getArray('list').push([Uint8Array.of(1, 2), new Y.Doc({ guid: 'inner' }), [2n]]);
      const json = await engine.json({ state: Y.encodeStateAsUpdate(doc), tail: [] });
      expect(json).toEqual({
        ok: true,
        json: {
          text: [{ insert: 'Hello', attributes: { bold: true } }],
          map: { list: [], n: 2 },
          list: [1, 'two', { three: 3 }, 'AQI=', { guid: 'inner' }, ['2']],
          xml: '<p id="a&quot;b">1 &lt; 2</p>',
          emptied: null,
        },
      });
    });

    it('[DOC7] compares two states: texts by their words, maps and lists entry by entry', async () => {
      const { doc, tail } = typed();
      const before = { state: null, tail: [...tail] };
      doc.getText('text').insert(5, ' there');
      doc.getText('text').delete(0, 1);
      doc.getMap('map').set('n', 3);
      doc.getArray('list').delete(1, 1);
      const compared = await engine.compare(before, { state: null, tail });
      if (!compared.ok) throw new Error(compared.detail);
      expect(Object.fromEntries(compared.diff.map(({ root, kind, parts }) => [root, [kind, parts]]))).toEqual(
        {
          text: [
            'text',
            [
              { op: 'removed', text: 'H' },
              { op: 'same', text: 'ello' },
              { op: 'added', text: ' there' },
            ],
          ],
          map: [
            'map',
            [
              { op: 'same', text: 'list: []' },
              { op: 'removed', text: 'n: 2' },
              { op: 'added', text: 'n: 3' },
            ],
          ],
          list: [
            'array',
            [
              { op: 'same', text: '1' },
              { op: 'removed', text: '"two"' },
              { op: 'same', text: '{"three":3}' },
            ],
          ],
          xml: ['xml', [{ op: 'same', text: '\n' }]],
        },
      );
    });

    it('[DOC7] tells who wrote what is there, run by run', async () => {
      const { doc, tail } = typed();
      doc.clientID = 8;
      doc.getText('text').insert(2, 'XY');
      doc.getMap('map').set('by', 'eight');
      const authors = await engine.authors({ state: null, tail });
      if (!authors.ok) throw new Error(authors.detail);
      expect(authors.roots.text).toEqual([
        { client: 7, length: 2, text: 'He' },
        { client: 8, length: 2, text: 'XY' },
        { client: 7, length: 3, text: 'llo' },
      ]);
      expect(authors.roots.map).toContainEqual({ client: 8, length: 1, text: '"eight"' });
    });

    it('retains no document behind its answers, however many jobs there were and whatever became of them', async () => {
      const { tail } = typed();
      const state = engine.merge(tail);
      const parts = { state, tail };
      for (let i = 0; i < 25; i++) {
        await Promise.all([
          engine.compact(parts),
          engine.diffUpdate(parts, Uint8Array.of(0)),
          engine.prune(parts, state),
          engine.restore(parts, tail[0] as Uint8Array, 99),
          engine.edit(parts, [{ at: 'text', op: 'insert', index: i % 3, text: 'x' }], 99),
          engine.compare(parts, { state: null, tail: tail.slice(0, 3) }),
          engine.json(parts),
          engine.authors(parts),
          engine.compact({ state: null, tail: tail.slice(1) }),
          engine.compact({ state: Uint8Array.of(1, 2, 3), tail: [] }),
          engine.restore(parts, Uint8Array.of(7), 99),
          engine.edit(parts, [{ at: 'list', op: 'set', key: 'x', value: 1 }], 99),
        ]);
      }
      expect(await engine.retained()).toBe(0);
    });
  });
}
