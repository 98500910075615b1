import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { createInlineEngine } from '../../../src/adapters/yjs/engine.ts';
import { treeSignature } from '../../../src/adapters/yjs/units.ts';
import { rootsOf } from '../../../src/adapters/yjs/tree.ts';
import { inspectUpdate } from '../../../src/adapters/yjs/inspect.ts';
import { forged, writeForged } from './forged-updates.ts';
import { play, steps } from './random-documents.ts';

const engine = createInlineEngine();

/** What a document holds, however it came about. */
function holds(doc: Y.Doc): readonly string[] {
  return [...rootsOf(doc)]
    .map(([name, tree]) => `${name} ${treeSignature(tree)}`)
    .filter((root) => !root.endsWith('{}[]'))
    .sort();
}

function documentOf(...updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

async function restored(state: Uint8Array, target: Uint8Array, client: number): Promise<Uint8Array | null> {
  const job = await engine.restore({ state, tail: [] }, target, client);
  if (!job.ok) throw new Error(job.detail);
  return job.update;
}

describe('[DOC7] restoring', () => {
  it('and every other job answer for what nobody would have made, too', async () => {
    let applied = 0;
    await fc.assert(
      fc.asyncProperty(
        steps(20),
        fc.array(forged, { minLength: 2, maxLength: 8 }),
        fc.boolean(),
        async (all, forgeries, keyed) => {
          const doc = documentOf(...(keyed ? play(all).updates : []));
          const target = Y.encodeStateAsUpdate(doc);
          for (const forgery of forgeries) {
            const vector = Y.decodeStateVector(Y.encodeStateVector(doc));
            if (vector.size === 0) vector.set(70_001, 0);
            const update = writeForged({ ...forgery, keyed }, [...vector]);
            const inspected = inspectUpdate(update);
            const needs = inspected.ok ? [...inspected.content.needs] : [[0, Infinity] as const];
            if (needs.some(([client, clock]) => (vector.get(client) ?? 0) < clock)) continue;
            Y.applyUpdate(doc, update);
            applied++;
          }
          const state = Y.encodeStateAsUpdate(doc);
          const parts = { state, tail: [] };
          expect(await engine.json(parts)).toMatchObject({ ok: true });
          expect(await engine.authors(parts)).toMatchObject({ ok: true });
          expect(await engine.compare({ state: target, tail: [] }, parts)).toMatchObject({ ok: true });
          expect(await engine.compact({ state: target, tail: [state] })).toMatchObject({ ok: true });
          const update = await restored(state, target, 500);
          // Of items that contradict each other Yjs makes one order or another: whoever reads the state has the engine's.
          const reader = documentOf(state);
          if (update !== null) Y.applyUpdate(reader, update);
          expect(holds(reader)).toEqual(holds(documentOf(target)));
        },
      ),
      { numRuns: 150 },
    );
    expect(applied).toBeGreaterThan(50);
  });

  it('makes any document what it was at any moment before, also when it was restored before', async () => {
    await fc.assert(
      fc.asyncProperty(steps(50), fc.nat(), fc.nat(), async (all, when, again) => {
        const { updates } = play(all);
        const doc = new Y.Doc();
        const states = [Y.encodeStateAsUpdate(doc)];
        for (const update of updates) {
          Y.applyUpdate(doc, update);
          states.push(Y.encodeStateAsUpdate(doc));
        }
        for (const [turn, n] of [when, again].entries()) {
          const target = states[n % states.length] as Uint8Array;
          const now = Y.encodeStateAsUpdate(doc);
          const update = await restored(now, target, 500 + turn);
          if (update !== null) {
            expect(inspectUpdate(update)).toMatchObject({ ok: true });
            Y.applyUpdate(doc, update);
            expect(doc.store.pendingStructs).toBeNull();
          }
          const wanted = documentOf(target);
          expect(holds(doc)).toEqual(holds(wanted));
          // Once it is so, nothing is left to do.
          expect(await restored(Y.encodeStateAsUpdate(doc), target, 600 + turn)).toBeNull();
        }
      }),
      { numRuns: 150 },
    );
  });

  it('makes a document what another one is, with which it has nothing in common', async () => {
    await fc.assert(
      fc.asyncProperty(steps(30), steps(30), async (all, others) => {
        const doc = documentOf(...play(all).updates);
        // The same client ids, for other things.
        const target = documentOf(...play(others).updates);
        const update = await restored(Y.encodeStateAsUpdate(doc), Y.encodeStateAsUpdate(target), 500);
        if (update !== null) Y.applyUpdate(doc, update);
        expect(holds(doc)).toEqual(holds(target));
      }),
      { numRuns: 80 },
    );
  });

  it('keeps a cursor in every character that stays', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(40), fc.nat(5), fc.string({ maxLength: 6 })), {
          minLength: 1,
          maxLength: 20,
        }),
        fc.nat(),
        async (edits, when) => {
          const doc = new Y.Doc();
          const text = doc.getText('text');
          text.insert(0, 'The quick brown fox jumps over the lazy dog');
          const states = [Y.encodeStateAsUpdate(doc)];
          for (const [at, cut, words] of edits) {
            const index = at % (text.length + 1);
            text.delete(index, Math.min(cut, text.length - index));
            text.insert(index, words);
            states.push(Y.encodeStateAsUpdate(doc));
          }
          const target = states[when % states.length] as Uint8Array;
          const wanted = documentOf(target);
          const before = Array.from({ length: text.length }, (_, i) =>
            Y.createRelativePositionFromTypeIndex(text, i),
          );
          const update = await restored(Y.encodeStateAsUpdate(doc), target, 500);
          if (update !== null) Y.applyUpdate(doc, update);
          const words = wanted.getText('text');
          for (const position of before) {
            const inWanted = Y.createAbsolutePositionFromRelativePosition(position, wanted);
            const item = position.item;
            // It stays: it was there at the time, and is there now.
            if (item === null || inWanted === null || Y.isDeleted(Y.snapshot(wanted).ds, item)) continue;
            if (item.clock >= Y.getState(wanted.store, item.client) || Y.isDeleted(Y.snapshot(doc).ds, item))
              continue;
            const inDoc = Y.createAbsolutePositionFromRelativePosition(position, doc);
            expect(inDoc?.index).toBe(inWanted.index);
          }
          expect(text.toDelta()).toEqual(words.toDelta());
        },
      ),
      { numRuns: 150 },
    );
  });
});
