import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { inspectUpdate } from '../../../src/adapters/yjs/inspect.ts';
import { forged, writeForged } from './forged-updates.ts';
import { play, steps } from './random-documents.ts';

function documentOf(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  doc.getText('text');
  doc.getMap('map');
  doc.getArray('list');
  doc.getXmlFragment('xml');
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

function vectorOf(doc: Y.Doc): Map<number, number> {
  return Y.decodeStateVector(Y.encodeStateVector(doc));
}

/** Applies an update as whoever reads the document does. What it needs is there, so nothing may be left over, now or in the state. */
function expectApplied(doc: Y.Doc, update: Uint8Array): void {
  Y.applyUpdate(doc, update);
  expect(doc.store.pendingStructs).toBeNull();
  expect(doc.store.pendingDs).toBeNull();
  const state = Y.encodeStateAsUpdate(doc);
  expect(inspectUpdate(state)).toMatchObject({ ok: true });
  const again = new Y.Doc();
  Y.applyUpdate(again, state);
  expect(again.store.pendingStructs).toBeNull();
  expect(vectorOf(again)).toEqual(vectorOf(doc));
}

/** Whether a document has what an inspected update needs, and nothing of what it brings. */
function fits(
  vector: ReadonlyMap<number, number>,
  inspected: ReturnType<typeof inspectUpdate>,
): inspected is Extract<typeof inspected, { ok: true }> {
  return (
    inspected.ok &&
    inspected.content.brings.every(({ client, from }) => (vector.get(client) ?? 0) === from) &&
    [...inspected.content.needs].every(([client, clock]) => (vector.get(client) ?? 0) >= clock)
  );
}

describe('[DOC4] inspection', () => {
  it('takes every update that editors make, merge or answer with, and finds in it what Yjs finds', () => {
    fc.assert(
      fc.property(steps(60), (all) => {
        const { docs, updates, merged } = play(all);
        const states = docs.map((doc) => Y.encodeStateAsUpdate(doc));
        for (const update of [...updates, ...merged, ...states, Y.mergeUpdates(states)]) {
          const inspected = inspectUpdate(update);
          if (!inspected.ok) throw new Error(inspected.detail);
          const { brings, deletes } = inspected.content;
          const { from, to } = Y.parseUpdateMeta(update);
          expect(new Map(brings.map((range) => [range.client, range.from]))).toEqual(from);
          expect(new Map(brings.map((range) => [range.client, range.to]))).toEqual(to);
          expect(deletes).toBe(Y.decodeUpdate(update).ds.clients.size > 0);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('says what an update needs: all of it is there when its turn comes, and one that needs something waits where there is nothing', () => {
    fc.assert(
      fc.property(steps(40), (all) => {
        const doc = new Y.Doc();
        for (const update of play(all).updates) {
          const inspected = inspectUpdate(update);
          if (!inspected.ok) throw new Error(inspected.detail);
          // Applied to nothing it waits for exactly what it needs.
          if (inspected.content.needs.size > 0) {
            const nothing = new Y.Doc();
            Y.applyUpdate(nothing, update);
            expect(nothing.store.pendingStructs ?? nothing.store.pendingDs).not.toBeNull();
          }
          expect(fits(vectorOf(doc), inspected)).toBe(true);
          expectApplied(doc, update);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('lets nothing through that Yjs could not apply, whatever its items refer to', () => {
    let applied = 0;
    fc.assert(
      fc.property(steps(30), fc.array(forged, { minLength: 1, maxLength: 6 }), (all, forgeries) => {
        const byKey = forgeries[0]?.keyed === true;
        const doc = documentOf(byKey ? play(all).updates : []);
        if (!byKey) doc.getText('text').insert(0, 'what was there before');
        // Forgeries go on with the client id of that text, as anybody's might.
        doc.clientID = 99;
        for (const forgery of forgeries) {
          const vector = vectorOf(doc);
          const update = writeForged({ ...forgery, keyed: byKey }, [...vector]);
          const inspected = inspectUpdate(update);
          if (!fits(vector, inspected)) continue;
          expectApplied(doc, update);
          applied++;
        }
      }),
      { numRuns: 600 },
    );
    // A generator whose updates are all refused would prove nothing.
    expect(applied).toBeGreaterThan(50);
  });

  it('refuses an update that was cut off or in which bits are turned, or it can be applied', () => {
    let refused = 0;
    let applied = 0;
    fc.assert(
      fc.property(
        steps(25),
        fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 2 }),
        fc.nat(20),
        (all, flips, cut) => {
          const { updates } = play(all);
          const doc = documentOf([]);
          for (const update of updates) {
            const broken = update.slice(0, cut < 10 ? Math.max(0, update.length - cut) : update.length);
            if (broken.length === 0) continue;
            for (const [at, bit] of flips) (broken[at % broken.length] as number) ^= 1 << bit;
            const inspected = inspectUpdate(broken);
            if (!inspected.ok) refused++;
            else if (fits(vectorOf(doc), inspected)) {
              expectApplied(documentOf([Y.encodeStateAsUpdate(doc)]), broken);
              applied++;
            }
            Y.applyUpdate(doc, update);
          }
        },
      ),
      { numRuns: 200 },
    );
    expect(refused).toBeGreaterThan(20);
    expect(applied).toBeGreaterThan(20);
  });

  it('answers to any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const inspected = inspectUpdate(bytes);
        if (inspected.ok) Y.decodeUpdate(bytes);
      }),
      { numRuns: 5_000 },
    );
  });
});
