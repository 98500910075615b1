import { describe, expect, it } from 'vitest';
import type { PresenceStore } from '../ports/presence.ts';
import { presenceChangesContract } from './presence-changes-contract.ts';
import { presenceHidingContract } from './presence-hiding-contract.ts';
import {
  type OpenPresenceStore,
  PATCH,
  type PresenceStoreSubject,
  SOME_VERSION,
  bySession,
  eachPresenceStore,
} from './presence-store-subject.ts';

/** What every `PresenceStore` must do. */
export function presenceStoreContract(name: string, open: OpenPresenceStore): void {
  describe(`PresenceStore: ${name}`, () => {
    let subject: PresenceStoreSubject;
    let store: PresenceStore;
    const { messages, published, read, expectLeases } = eachPresenceStore(open, (given) => {
      subject = given;
      store = given.store;
    });

    describe('joining and leaving', () => {
      it('somebody who joins is online, and that is published on their own topic', async () => {
        await store.join('alice', 'd1', bySession('s1'), { fields: { a: 'reading' } });
        const sent = await messages();
        const record = await read('alice');
        expect(record).toEqual({
          user: 'alice',
          version: SOME_VERSION,
          s: 'Online',
          fields: { a: 'reading' },
          lastSeenMs: null,
        });
        expect(sent).toEqual([
          { topic: 'presence:alice', message: { kind: 'presence', prev: SOME_VERSION, record } },
        ]);
      });

      it('the last holder who leaves takes the user offline, seen now', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await published();
        subject.clock.nowMs += 5_000;
        await store.leave('alice', 'd1', 's1');
        const [message] = await published();
        expect(message?.record).toMatchObject({
          user: 'alice',
          s: 'Offline',
          fields: {},
          lastSeenMs: subject.clock.nowMs,
        });
        expect(await read('alice')).toMatchObject({
          s: 'Offline',
          fields: {},
          lastSeenMs: subject.clock.nowMs,
        });
      });

      it('a device stays while one of its holders does', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.join('alice', 'd1', bySession('s2'), PATCH);
        await store.leave('alice', 'd1', 's1');
        await published();
        expect(await read('alice')).toMatchObject({ s: 'Online' });
        await store.leave('alice', 'd1', 's2');
        expect((await published()).map(({ record }) => record.s)).toEqual(['Offline']);
      });

      it('joining a device that is there applies what is said as a patch, and keeps the rest', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Busy', fields: { a: 'x', p: 'y' } });
        const state = await store.join('alice', 'd1', bySession('s2'), { fields: { a: 'z' } });
        expect(state).toMatchObject({ s: 'Busy', fields: { a: 'z', p: 'y' } });
        expect(await read('alice')).toMatchObject({ s: 'Busy', fields: { a: 'z', p: 'y' } });
      });

      it('joining again without saying anything publishes nothing', async () => {
        await store.join('alice', 'd1', bySession('s1'), { s: 'Away', fields: { a: 'x' } });
        await published();
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        expect(await published()).toEqual([]);
        await store.leave('alice', 'd1', 's1');
        expect((await published()).map(({ record }) => record.s)).toEqual(['Offline']);
      });

      it('leaving what one does not hold does nothing', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await published();
        await store.leave('alice', 'd1', 's9');
        await store.leave('alice', 'd9', 's1');
        await store.leave('alice', 'd1', null);
        await store.leave('bob', 'd1', 's1');
        expect(await published()).toEqual([]);
        expect(await read('alice')).toMatchObject({ s: 'Online' });
      });
    });

    describe('held for a time', () => {
      it('a lease holds a device, is listed, and ends', async () => {
        const expiresAtMs = subject.clock.nowMs + 60_000;
        await store.join(
          'alice',
          'bot',
          { kind: 'lease', expiresAtMs },
          { s: 'Busy', fields: { a: 'building' } },
        );
        await expectLeases({ user: 'alice', device: 'bot', expiresAtMs });
        await store.update('alice', 'bot', null, { fields: { a: 'testing' } });
        expect(await read('alice')).toMatchObject({ s: 'Busy', fields: { a: 'testing' } });
        await store.leave('alice', 'bot', null);
        await expectLeases();
        expect(await read('alice')).toMatchObject({ s: 'Offline' });
      });

      it('a lease taken again lasts until the later time', async () => {
        const expiresAtMs = subject.clock.nowMs + 60_000;
        await store.join('alice', 'bot', { kind: 'lease', expiresAtMs }, PATCH);
        await store.join('alice', 'bot', { kind: 'lease', expiresAtMs: expiresAtMs + 1 }, PATCH);
        await expectLeases({ user: 'alice', device: 'bot', expiresAtMs: expiresAtMs + 1 });
      });

      it('a lease that was set anew is not ended by the timer of the one before', async () => {
        const expiresAtMs = subject.clock.nowMs + 60_000;
        await store.join('alice', 'bot', { kind: 'lease', expiresAtMs }, PATCH);
        await store.join('alice', 'bot', { kind: 'lease', expiresAtMs: expiresAtMs + 1 }, PATCH);
        await store.leave('alice', 'bot', null, expiresAtMs);
        expect(await read('alice')).toMatchObject({ s: 'Online' });
        await store.leave('alice', 'bot', null, expiresAtMs + 1);
        expect(await read('alice')).toMatchObject({ s: 'Offline' });
      });

      it('a device held by a lease and by a session stays until both are gone', async () => {
        await store.join('alice', 'd1', { kind: 'lease', expiresAtMs: subject.clock.nowMs + 1 }, PATCH);
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.leave('alice', 'd1', null);
        expect(await read('alice')).toMatchObject({ s: 'Online' });
        await store.leave('alice', 'd1', 's1');
        expect(await read('alice')).toMatchObject({ s: 'Offline' });
      });
    });

    describe('reading', () => {
      it('gives one record for each user asked, in the order asked', async () => {
        await store.join('bob', 'd1', bySession('s1'), PATCH);
        const records = await store.read(['carol', 'bob', 'nobody', 'alice', 'bob']);
        expect(records.map(({ user, s }) => `${user} ${s}`)).toEqual([
          'carol Offline',
          'bob Online',
          'nobody Offline',
          'alice Offline',
          'bob Online',
        ]);
        expect(await store.read([])).toEqual([]);
      });

      it('somebody who was never seen has version 0 and no last seen', async () => {
        expect(await read('alice')).toEqual({
          user: 'alice',
          version: 0,
          s: 'Offline',
          fields: {},
          lastSeenMs: null,
        });
      });

      it('somebody who was seen has a version above every stamp from before they left', async () => {
        const before = subject.clock.nowMs * 1000;
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        subject.clock.nowMs += 10;
        await store.leave('alice', 'd1', 's1');
        await subject.settle();
        expect((await read('alice'))?.version).toBeGreaterThan(before);
      });

      it('the version read never goes back below the millisecond of the change', async () => {
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        await store.leave('alice', 'd1', 's1');
        const [, gone] = await published();
        const again = (await read('alice'))?.version ?? 0;
        expect(Math.floor(again / 1000)).toBe(Math.floor((gone?.record.version ?? 0) / 1000));
        await store.join('alice', 'd1', bySession('s1'), PATCH);
        expect((await read('alice'))?.version).toBeGreaterThan(gone?.record.version ?? Infinity);
      });

      it('devices are told with what they say, whatever their names', async () => {
        await store.join('alice', '__proto__', bySession('s1'), { s: 'Away', fields: { a: 'x' } });
        await store.join('alice', 'd{2}', bySession('s2'), { s: 'Invisible', fields: {} });
        const devices = await store.devicesOf('alice');
        expect(Object.keys(devices).sort()).toEqual(['__proto__', 'd{2}']);
        expect(Object.getOwnPropertyDescriptor(devices, '__proto__')?.value).toMatchObject({
          s: 'Away',
          fields: { a: 'x' },
        });
        expect(await store.devicesOf('nobody')).toEqual({});
      });
    });
  });

  presenceChangesContract(name, open);
  presenceHidingContract(name, open);
}
