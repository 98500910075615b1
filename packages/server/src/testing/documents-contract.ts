import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DocumentSnapshot, DocumentStore, Version } from '../ports/documents.ts';
import type { Position } from '../ports/log.ts';

export type DocumentsSubject = {
  readonly store: DocumentStore;
  /** The same documents as another node has them; null: no other node can. */
  readonly other: DocumentStore | null;
  /** Ends the store and opens it again over what it kept; null where nothing outlives it. */
  readonly reopen: (() => Promise<DocumentStore>) | null;
  close(): Promise<void>;
};

/** Opens a new, empty store. */
export type OpenDocuments = () => Promise<DocumentsSubject>;

const DOC = 'doc:1';

/** A state that no two of are alike, with every byte in it. */
export function stateOf(bytes: number, seed = 1): Uint8Array {
  const state = new Uint8Array(bytes);
  let value = seed;
  for (let i = 0; i < bytes; i++) {
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
    state[i] = value >>> 24;
  }
  return state;
}

export function snapshotAt(offset: number, patch: Partial<DocumentSnapshot> = {}): DocumentSnapshot {
  return {
    position: { epoch: 'epoch', offset },
    vector: new Map([[1, offset]]),
    owners: `{"1":"alice"}`,
    state: stateOf(100, offset + 1),
    ...patch,
  };
}

export function versionOf(id: string, patch: Partial<Version['head']> = {}, state = stateOf(50)): Version {
  const head = {
    id,
    name: null,
    atMs: 1_700_000_000_000,
    by: null,
    position: { epoch: 'epoch', offset: 3 },
    ...patch,
  };
  return { head, state };
}

/** Compared without naming what differs: of megabytes that would be unreadable. */
function isSame(found: Uint8Array | undefined, wanted: Uint8Array | undefined): boolean {
  return found !== undefined && wanted !== undefined && Buffer.compare(found, wanted) === 0;
}

/** What every `DocumentStore` must do. `open` gives a new, empty store for each test. */
export function documentsContract(name: string, open: OpenDocuments): void {
  describe(`DocumentStore: ${name}`, () => {
    let subject: DocumentsSubject;
    let store: DocumentStore;
    beforeEach(async () => {
      subject = await open();
      store = subject.store;
    });
    afterEach(() => subject.close());

    const put = async (snapshot: DocumentSnapshot, replaces: Position | null = null): Promise<boolean> =>
      store.put(DOC, snapshot, replaces);

    /** What a store says must be plain: `Buffer` equals no `Uint8Array`. */
    async function keptSnapshot(of: DocumentStore = store): Promise<DocumentSnapshot | null> {
      const snapshot = await of.snapshot(DOC);
      return snapshot === null ? null : { ...snapshot, state: new Uint8Array(snapshot.state) };
    }

    describe('snapshots', () => {
      it('there is none before the first', async () => {
        expect(await store.head(DOC)).toBeNull();
        expect(await store.snapshot(DOC)).toBeNull();
      });

      it('is given back as it was put, and its head without its content', async () => {
        const snapshot = snapshotAt(7, {
          position: { epoch: `e:1.2 "'\\ é💚`, offset: 7 },
          // The largest client id and clock that there may be.
          vector: new Map([
            [2 ** 53 - 1, 2 ** 53 - 1],
            [0, 1],
            [3_000_000_000, 0],
          ]),
          owners: JSON.stringify({ 1: `o'"\\ \n\u2028é💚` }),
          state: stateOf(257),
        });
        expect(await put(snapshot)).toBe(true);
        expect(await keptSnapshot()).toEqual(snapshot);
        const { position, vector, owners } = snapshot;
        expect(await store.head(DOC)).toEqual({ position, vector, owners, bytes: 257 });
      });

      it('an empty vector, no owners, an empty state', async () => {
        const snapshot = snapshotAt(0, { vector: new Map(), owners: '', state: new Uint8Array(0) });
        expect(await put(snapshot)).toBe(true);
        expect(await keptSnapshot()).toEqual(snapshot);
        expect(await store.head(DOC)).toMatchObject({ bytes: 0 });
      });

      it('every value of a byte is kept', async () => {
        const state = Uint8Array.from({ length: 1_024 }, (_, i) => i & 0xff);
        await put(snapshotAt(1, { state }));
        expect((await keptSnapshot())?.state).toEqual(state);
      });

      it('a part of a larger buffer is kept as that part', async () => {
        const whole = stateOf(1_000);
        await put(snapshotAt(1, { state: whole.subarray(100, 200) }));
        expect((await keptSnapshot())?.state).toEqual(whole.slice(100, 200));
      });

      it('of 16 MB, and then a small one: nothing is left of the large one', async () => {
        const large = snapshotAt(1, { state: stateOf(16 * 1024 * 1024) });
        expect(await put(large)).toBe(true);
        const kept = await store.snapshot(DOC);
        expect(kept?.state.byteLength).toBe(16 * 1024 * 1024);
        expect(isSame(kept?.state, large.state)).toBe(true);
        expect(await store.head(DOC)).toMatchObject({ bytes: 16 * 1024 * 1024 });
        expect(await put(snapshotAt(2), large.position)).toBe(true);
        expect(await keptSnapshot()).toEqual(snapshotAt(2));
      }, 30_000);

      it('a vector of 20,000 clients', async () => {
        const vector = new Map(Array.from({ length: 20_000 }, (_, i) => [i * 7_919 + 2 ** 32, i] as const));
        await put(snapshotAt(1, { vector }));
        expect((await store.head(DOC))?.vector).toEqual(vector);
        expect((await keptSnapshot())?.vector).toEqual(vector);
      });

      it('names of channels that look like objects, patterns and parts of keys are names', async () => {
        const channels = [
          '__proto__',
          'constructor',
          'doc:%',
          'doc:_',
          'doc:{1}',
          'doc:1:versions',
          `doc:'"\\ é💚`,
        ];
        for (const [i, channel] of channels.entries()) {
          expect(await store.head(channel)).toBeNull();
          expect(await store.put(channel, snapshotAt(i + 1), null)).toBe(true);
        }
        for (const [i, channel] of channels.entries())
          expect((await store.head(channel))?.position.offset).toBe(i + 1);
        await store.forget('doc:%');
        expect(await store.head('doc:_')).not.toBeNull();
      });
    });

    describe('put', () => {
      it('replaces the snapshot that it names, and no other', async () => {
        expect(await put(snapshotAt(1))).toBe(true);
        expect(await put(snapshotAt(5), { epoch: 'epoch', offset: 1 })).toBe(true);
        for (const replaces of [
          null,
          { epoch: 'epoch', offset: 1 },
          { epoch: 'epoch', offset: 6 },
          { epoch: 'another', offset: 5 },
        ])
          expect(await put(snapshotAt(9), replaces)).toBe(false);
        expect(await keptSnapshot()).toEqual(snapshotAt(5));
      });

      it('naming one where there is none keeps nothing', async () => {
        expect(await put(snapshotAt(2), { epoch: 'epoch', offset: 1 })).toBe(false);
        expect(await put(snapshotAt(2), { epoch: '', offset: 0 })).toBe(false);
        expect(await store.head(DOC)).toBeNull();
      });

      it('a position further back, and one of another epoch, may replace what is named', async () => {
        await put(snapshotAt(9));
        const back = snapshotAt(2, { position: { epoch: 'another', offset: 2 } });
        expect(await put(back, { epoch: 'epoch', offset: 9 })).toBe(true);
        expect(await keptSnapshot()).toEqual(back);
      });

      it('of those that come at once and replace the same, one is kept, whole', async () => {
        await put(snapshotAt(1));
        const all = Array.from({ length: 8 }, (_, i) =>
          snapshotAt(10 + i, { state: stateOf(10_000 + i, i) }),
        );
        const kept = await Promise.all(all.map((one) => put(one, { epoch: 'epoch', offset: 1 })));
        expect(kept.filter(Boolean)).toHaveLength(1);
        expect(await keptSnapshot()).toEqual(all[kept.indexOf(true)]);
      });

      it('two nodes that replace the same: one is kept, and both read that one', async () => {
        const { other } = subject;
        if (other === null) return expect(other).toBeNull();
        for (let round = 0; round < 10; round++) {
          const replaces = (await store.head(DOC))?.position ?? null;
          const mine = snapshotAt(2 * round + 1, { state: stateOf(70_000, round) });
          const theirs = snapshotAt(2 * round + 2, { state: stateOf(60_000, round + 100) });
          const [isMine, isTheirs] = await Promise.all([
            store.put(DOC, mine, replaces),
            other.put(DOC, theirs, replaces),
          ]);
          expect(isMine).not.toBe(isTheirs);
          const kept = isMine ? mine : theirs;
          expect(await keptSnapshot()).toEqual(kept);
          expect(await keptSnapshot(other)).toEqual(kept);
        }
      });

      it('who reads meanwhile has one snapshot or the other, and never of both', async () => {
        const reader = subject.other ?? store;
        const states = [
          snapshotAt(0),
          ...[1, 2, 3, 4].map((i) => snapshotAt(i, { state: stateOf(1_500_000 + i, i) })),
        ];
        await put(snapshotAt(0));
        let done = false;
        const writing = (async () => {
          for (const next of states.slice(1))
            await put(next, { epoch: 'epoch', offset: next.position.offset - 1 });
          done = true;
        })();
        for (let reads = 0; !done || reads < 2; reads++) {
          // A store may answer at once: what is written would never be heard of.
          await nextTurn();
          const [head, snapshot] = await Promise.all([reader.head(DOC), reader.snapshot(DOC)]);
          const wanted = states[snapshot?.position.offset ?? -1];
          expect(snapshot?.vector).toEqual(wanted?.vector);
          expect(isSame(snapshot?.state, wanted?.state)).toBe(true);
          expect(head?.bytes).toBe(states[head?.position.offset ?? -1]?.state.byteLength);
        }
        await writing;
      }, 30_000);
    });

    describe('what is given and returned', () => {
      it('may be changed by its giver once the call has settled', async () => {
        const state = stateOf(1_000);
        const vector = new Map([[1, 5]]);
        await put(snapshotAt(5, { state, vector }));
        await store.addVersion(DOC, versionOf('a', {}, state));
        state.fill(0);
        vector.set(1, 99);
        expect(await keptSnapshot()).toEqual(
          snapshotAt(5, { state: stateOf(1_000), vector: new Map([[1, 5]]) }),
        );
        expect(isSame((await store.version(DOC, 'a'))?.state, stateOf(1_000))).toBe(true);
      });

      it('does not change with what comes later, and what is done to it is done to nobody else', async () => {
        await put(snapshotAt(5));
        const [head, snapshot] = [await store.head(DOC), await store.snapshot(DOC)];
        await put(snapshotAt(6), { epoch: 'epoch', offset: 5 });
        expect(head?.position.offset).toBe(5);
        expect(isSame(snapshot?.state, snapshotAt(5).state)).toBe(true);
        const later = await store.snapshot(DOC);
        later?.state.fill(0);
        if (later?.state.buffer instanceof ArrayBuffer)
          structuredClone(later.state.buffer, { transfer: [later.state.buffer] });
        expect(await keptSnapshot()).toEqual(snapshotAt(6));
      });
    });

    describe('versions', () => {
      const ids = async (before: string | null, limit: number): Promise<string[]> =>
        (await store.versions(DOC, before, limit)).map(({ id }) => id);

      it('are given back as they were added, and listed without their content', async () => {
        const version = versionOf(
          'v-1',
          {
            name: `a "name" é💚\u2028`,
            by: `bob'\\`,
            atMs: 1_700_000_000_123,
            position: { epoch: 'e.7', offset: 2 ** 40 },
          },
          stateOf(300),
        );
        await store.addVersion(DOC, version);
        const found = await store.version(DOC, 'v-1');
        expect({ ...found, state: new Uint8Array(found?.state ?? []) }).toEqual(version);
        expect(await store.versions(DOC, null, 10)).toEqual([{ ...version.head, bytes: 300 }]);
        await store.addVersion(DOC, versionOf('v-2', {}, new Uint8Array(0)));
        expect(await store.versions(DOC, null, 1)).toEqual([{ ...versionOf('v-2').head, bytes: 0 }]);
      });

      it('need no snapshot, and a snapshot none of them', async () => {
        expect(await ids(null, 10)).toEqual([]);
        expect(await store.version(DOC, 'v')).toBeNull();
        await store.addVersion(DOC, versionOf('v'));
        expect(await store.head(DOC)).toBeNull();
        expect(await put(snapshotAt(1))).toBe(true);
        expect(await ids(null, 10)).toEqual(['v']);
        expect(await ids(null, 0)).toEqual([]);
      });

      it('newest first, a page behind the other', async () => {
        const all = Array.from({ length: 25 }, (_, i) => `${1_700_000_000_000 + i * 17}-${i}`);
        for (const id of [...all].sort((one, other) => (one.slice(-1) < other.slice(-1) ? -1 : 1)))
          await store.addVersion(DOC, versionOf(id));
        const newest = all.toReversed();
        expect(await ids(null, 10)).toEqual(newest.slice(0, 10));
        const nth = (place: number): string => newest[place] ?? '';
        expect(await ids(nth(9), 10)).toEqual(newest.slice(10, 20));
        expect(await ids(nth(19), 10)).toEqual(newest.slice(20));
        expect(await ids(nth(24), 10)).toEqual([]);
        // Behind one that is gone it goes on where that was.
        await store.removeVersion(DOC, nth(4));
        expect(await ids(nth(4), 3)).toEqual(newest.slice(5, 8));
        expect(await ids(null, 100)).toEqual(newest.filter((id) => id !== nth(4)));
      });

      it('in the order of UTF-16 units, as texts of this language are', async () => {
        const all = ['a', 'a\u0000', 'b', 'Z', 'é', '\uffff', '💚', '\ud800', 'aa', ''];
        for (const id of all) await store.addVersion(DOC, versionOf(id));
        expect(await ids(null, 20)).toEqual([...all].sort().toReversed());
        expect(await ids('💚', 20)).toEqual([...all].sort().toReversed().slice(2));
      });

      it('one of the same id is replaced', async () => {
        await store.addVersion(DOC, versionOf('v', { name: 'one' }, stateOf(2_000_000)));
        await store.addVersion(DOC, versionOf('v', { name: 'two' }, stateOf(10, 2)));
        expect(await store.versions(DOC, null, 10)).toMatchObject([{ id: 'v', name: 'two', bytes: 10 }]);
        expect(isSame((await store.version(DOC, 'v'))?.state, stateOf(10, 2))).toBe(true);
      });

      it('of 16 MB', async () => {
        const state = stateOf(16 * 1024 * 1024);
        await store.addVersion(DOC, versionOf('v', {}, state));
        expect(isSame((await store.version(DOC, 'v'))?.state, state)).toBe(true);
        expect(await store.versions(DOC, null, 1)).toMatchObject([{ bytes: 16 * 1024 * 1024 }]);
      }, 30_000);

      it('removing says whether there was one', async () => {
        await store.addVersion(DOC, versionOf('v'));
        await store.addVersion(DOC, versionOf('w'));
        expect(await store.removeVersion(DOC, 'v')).toBe(true);
        expect(await store.removeVersion(DOC, 'v')).toBe(false);
        expect(await store.removeVersion('doc:never', 'v')).toBe(false);
        expect(await store.version(DOC, 'v')).toBeNull();
        expect(await ids(null, 10)).toEqual(['w']);
      });

      it('each document has its own', async () => {
        await store.addVersion(DOC, versionOf('v', { name: 'one' }));
        await store.addVersion('doc:2', versionOf('v', { name: 'two' }));
        await store.removeVersion('doc:2', 'v');
        expect(await store.version(DOC, 'v')).toMatchObject({ head: { name: 'one' } });
      });
    });

    describe('forget', () => {
      it('drops the snapshot and every version, and leaves other documents', async () => {
        await put(snapshotAt(1, { state: stateOf(1_200_000) }));
        for (const id of ['a', 'b', 'c']) await store.addVersion(DOC, versionOf(id, {}, stateOf(700_000)));
        await store.put('doc:2', snapshotAt(2), null);
        await store.addVersion('doc:2', versionOf('x'));
        await store.forget(DOC);
        expect(await store.head(DOC)).toBeNull();
        expect(await store.snapshot(DOC)).toBeNull();
        expect(await store.versions(DOC, null, 10)).toEqual([]);
        expect(await store.version(DOC, 'b')).toBeNull();
        expect(await store.head('doc:2')).not.toBeNull();
        expect(await store.versions('doc:2', null, 10)).toHaveLength(1);
        await store.forget('doc:never');
      });

      it('what comes behind it begins anew', async () => {
        await put(snapshotAt(5));
        await store.forget(DOC);
        expect(await put(snapshotAt(6), { epoch: 'epoch', offset: 5 })).toBe(false);
        expect(await put(snapshotAt(1))).toBe(true);
        expect(await keptSnapshot()).toEqual(snapshotAt(1));
      });
    });

    it('what was put and added outlives the store, where anything does', async () => {
      const snapshot = snapshotAt(3, { state: stateOf(1_300_000) });
      await put(snapshot);
      await store.addVersion(DOC, versionOf('v', { name: 'kept' }, stateOf(900_000)));
      await store.addVersion(DOC, versionOf('w'));
      await store.removeVersion(DOC, 'w');
      if (subject.reopen === null) return expect(subject.reopen).toBeNull();
      store = await subject.reopen();
      expect(await keptSnapshot()).toEqual(snapshot);
      expect(await store.versions(DOC, null, 10)).toMatchObject([{ id: 'v', name: 'kept', bytes: 900_000 }]);
      expect(isSame((await store.version(DOC, 'v'))?.state, stateOf(900_000))).toBe(true);
      expect(await put(snapshotAt(4), snapshot.position)).toBe(true);
    });
  });
}
