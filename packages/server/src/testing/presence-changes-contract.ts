import { describe, expect, it } from 'vitest';
import type { PresenceStore } from '../ports/presence.ts';
import {
  type OpenPresenceStore,
  PATCH,
  type PresenceStoreSubject,
  bySession,
  eachPresenceStore,
} from './presence-store-subject.ts';

/** How the changes of devices become those that others see: their order, their versions, whose count. */
export function presenceChangesContract(name: string, open: OpenPresenceStore): void {
  describe(`PresenceStore: ${name}`, () => {
    let subject: PresenceStoreSubject;
    let store: PresenceStore;
    const { published, read } = eachPresenceStore(open, (given) => {
      subject = given;
      store = given.store;
    });

    describe('changes', () => {
      it('each visible change raises the version and names the one before', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { fields: { a: 'x' } });
        const records = await published();
        expect(records.map(({ record }) => [record.s, record.fields])).toEqual([
          ['Online', {}],
          ['Busy', {}],
          ['Busy', { a: 'x' }],
        ]);
        for (let i = 1; i < records.length; i++) {
          expect(records[i]?.record.version).toBeGreaterThan(records[i - 1]?.record.version ?? Infinity);
          expect(records[i]?.prev).toBe(records[i - 1]?.record.version);
        }
      });

      it('versions rise also when the clock steps back', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        subject.clock.nowMs -= 60_000;
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Away', fields: {} });
        const [first, second] = await published();
        expect(second?.record.version).toBeGreaterThan(first?.record.version ?? Infinity);
      });

      it('changes made at once are published in the order of their versions', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await Promise.all(
          [1, 2, 3, 4, 5].map((n) =>
            store.update('alice', 'd1', { session: 's1', generation: 1 }, { fields: { a: `${n}` } }),
          ),
        );
        const versions = (await published()).map(({ record }) => record.version);
        expect(versions).toHaveLength(6);
        expect(versions).toEqual([...versions].sort((a, b) => a - b));
        expect(await read('alice')).toMatchObject({ version: versions.at(-1) });
      });

      it('what is set to what it was publishes nothing and keeps the version', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Busy', fields: { a: 'x' } });
        await published();
        const before = await read('alice');
        await store.update(
          'alice',
          'd1',
          { session: 's1', generation: 1 },
          { s: 'Busy', fields: { a: 'x', p: '' } },
        );
        expect(await published()).toEqual([]);
        expect(await read('alice')).toEqual(before);
      });

      it('an empty string clears a field', async () => {
        await store.join('alice', 'd1', bySession('s1'), { fields: { a: 'x', p: 'y' } });
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { fields: { a: '' } });
        expect(await read('alice')).toMatchObject({ fields: { p: 'y' } });
      });

      it('a session that does not hold the device changes nothing', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.join('alice', 'd1', bySession('s2'), PATCH);
        await store.leave('alice', 'd1', 's2');
        await published();
        for (const session of ['s2', 's9'])
          await store.update('alice', 'd1', { session, generation: 1 }, { s: 'Busy', fields: {} });
        await store.update('alice', 'd1', null, { s: 'Busy', fields: {} });
        await store.update('alice', 'd9', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
        await store.update('bob', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
        expect(await published()).toEqual([]);
        expect(await read('alice')).toMatchObject({ s: 'Online' });
      });

      it('an older generation of the session that holds the device changes nothing', async () => {
        const holder = { kind: 'session', session: 's1', generation: 2 } as const;
        await store.join('alice', 'd1', holder, PATCH);
        await published();
        await store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
        expect(await store.join('alice', 'd1', bySession('s1'), { s: 'Away', fields: {} })).toBeNull();
        expect(await published()).toEqual([]);
        expect(await store.join('alice', 'd1', { ...holder, generation: 3 }, PATCH)).toMatchObject({
          s: 'Online',
        });
        await store.update('alice', 'd1', { session: 's1', generation: 3 }, { s: 'Away', fields: {} });
        expect(await published()).toMatchObject([{ record: { s: 'Away' } }]);
      });

      it('busy comes before online, online before away, over all devices', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Away', fields: {} });
        await store.join('alice', 'd2', bySession('s2'), { s: 'Online', fields: {} });
        await store.join('alice', 'd3', bySession('s3'), { s: 'Busy', fields: {} });
        await store.leave('alice', 'd3', 's3');
        await store.leave('alice', 'd2', 's2');
        expect((await published()).map(({ record }) => record.s)).toEqual([
          'Away',
          'Online',
          'Busy',
          'Online',
          'Away',
        ]);
      });

      it('a device that others do not see changes without a word', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Busy', fields: {} });
        await store.join('alice', 'd2', bySession('s2'), { s: 'Away', fields: {} });
        await published();
        await store.update(
          'alice',
          'd2',
          { session: 's2', generation: 1 },
          { s: 'Online', fields: { a: 'unseen' } },
        );
        await store.leave('alice', 'd2', 's2');
        expect(await published()).toEqual([]);
      });
    });
  });
}
