import { describe, expect, it } from 'vitest';
import type { PresenceRecord, PresenceStore } from '../ports/presence.ts';
import {
  type OpenPresenceStore,
  PATCH,
  type PresenceStoreSubject,
  SOME_VERSION,
  bySession,
  eachPresenceStore,
} from './presence-store-subject.ts';

/** What others do not learn of somebody who is invisible, or was erased. */
export function presenceHidingContract(name: string, open: OpenPresenceStore): void {
  describe(`PresenceStore: ${name}`, () => {
    let subject: PresenceStoreSubject;
    let store: PresenceStore;
    const { published, read, expectLeases } = eachPresenceStore(open, (given) => {
      subject = given;
      store = given.store;
    });

    describe('invisible', () => {
      it('becoming invisible looks like going offline, once', async () => {
        await store.join('alice', 'd1', bySession('s1'), { fields: { a: 'x' } });
        await published();
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Invisible', fields: {} });
        const gone = await published();
        expect(gone.map(({ record }) => record)).toEqual([
          {
            user: 'alice',
            version: SOME_VERSION,
            s: 'Offline',
            fields: {},
            lastSeenMs: subject.clock.nowMs,
          },
        ]);
      });

      it('whatever an invisible user does, leaving included, shows nothing and moves no last seen', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Invisible', fields: {} });
        await published();
        const hidden = await read('alice');
        subject.clock.nowMs += 90_000;
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { fields: { a: 'secret' } });
        await store.join('alice', 'd2', bySession('s2'), { s: 'Online', fields: {} });
        await store.leave('alice', 'd2', 's2');
        await store.leave('alice', 'd1', 's1');
        expect(await published()).toEqual([]);
        expect(await read('alice')).toEqual(hidden);
      });

      it('an invisible user reads byte for byte like one who left at the same moment', async () => {
        await store.join('alice', 'd1', bySession('s1'), { fields: { a: 'x' } });
        await store.join('bob', 'd1', bySession('s2'), { fields: { a: 'x' } });
        subject.clock.nowMs += 1_000;
        await Promise.all([
          store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Invisible', fields: {} }),
          store.leave('bob', 'd1', 's2'),
        ]);
        await subject.settle();
        subject.clock.nowMs += 1_000;
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { fields: { a: 'secret' } });
        const [alice, bob] = await store.read(['alice', 'bob']);
        // Versions within a millisecond tell nothing but who came first.
        const bytes = (record: PresenceRecord | undefined) =>
          JSON.stringify({ ...record, version: Math.floor((record?.version ?? 0) / 1000) });
        expect(bytes(alice).replaceAll('alice', 'bob')).toBe(bytes(bob));
      });

      it('somebody who begins invisible shows nothing, and is last seen when they last were', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.leave('alice', 'd1', 's1');
        await published();
        const offline = await read('alice');
        subject.clock.nowMs += 90_000;
        await store.join('alice', 'd1', bySession('s2'), { s: 'Invisible', fields: {} });
        expect(await published()).toEqual([]);
        expect(await read('alice')).toEqual(offline);
        expect(await store.read(['bob'])).toEqual([
          { ...offline, user: 'bob', version: 0, lastSeenMs: null },
        ]);
      });

      it('becoming visible again is published', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Invisible', fields: { a: 'x' } });
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
        expect((await published()).map(({ record }) => record)).toEqual([
          { user: 'alice', version: SOME_VERSION, s: 'Busy', fields: { a: 'x' }, lastSeenMs: null },
        ]);
      });
    });

    describe('erasing', () => {
      it('shows that the user is offline, and forgets devices, leases and state', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Busy', fields: { a: 'x' } });
        await store.join('alice', 'bot', { kind: 'lease', expiresAtMs: subject.clock.nowMs + 60_000 }, PATCH);
        await published();
        await store.erase('alice');
        expect((await published()).map(({ record }) => [record.s, record.fields])).toEqual([['Offline', {}]]);
        expect(await store.devicesOf('alice')).toEqual({});
        await expectLeases();
        expect(await read('alice')).toEqual({
          user: 'alice',
          version: 0,
          s: 'Offline',
          fields: {},
          lastSeenMs: null,
        });
      });

      it('of somebody whom nobody sees shows nothing', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Invisible', fields: {} });
        await store.erase('alice');
        await store.erase('bob');
        await store.erase('nobody');
        expect(await published()).toEqual([]);
        expect(await store.devicesOf('alice')).toEqual({});
      });

      it('what an erased session still sends has no effect', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.erase('alice');
        await published();
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
        await store.leave('alice', 'd1', 's1');
        expect(await published()).toEqual([]);
        expect(await read('alice')).toMatchObject({ version: 0, lastSeenMs: null });
      });
    });
  });
}
