import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, type PresenceMessage, presenceTopic } from '../ports/broker.ts';
import type {
  DeviceHolder,
  DevicePatch,
  LeasedDevice,
  PresenceRecord,
  PresenceStore,
} from '../ports/presence.ts';

export type PresenceStoreSubject = {
  readonly store: PresenceStore;
  /** The broker that the store publishes on. */
  readonly broker: Broker;
  /** Whether the store outlives its nodes: then it lists no leases, for those of a dead node are swept. */
  readonly outlivesNodes?: boolean;
  /** The store's clock, ms since the epoch; moved by the test alone. */
  readonly clock: { nowMs: number };
  /** Resolves when everything that was published has been delivered, and what was written is readable. */
  settle(): Promise<void>;
  close(): Promise<void>;
};

const PATCH: DevicePatch = { fields: {} };

/** Any number; typed as unknown, because vitest's matchers are `any`. */
const SOME_VERSION: unknown = expect.any(Number);

export function bySession(session: string): DeviceHolder {
  return { kind: 'session', session, generation: 1 };
}

/**
 * What every `PresenceStore` must do.
 *
 * @param open gives a new store for each test, in whose directory the named users exist
 */
export function presenceStoreContract(
  name: string,
  open: (users: readonly string[]) => Promise<PresenceStoreSubject>,
): void {
  describe(`PresenceStore: ${name}`, () => {
    let subject: PresenceStoreSubject;
    let store: PresenceStore;
    let messages: { topic: string; message: PresenceMessage }[];
    beforeEach(async () => {
      messages = [];
      subject = await open(['alice', 'bob', 'carol']);
      store = subject.store;
      subject.broker.listen((topic, message) => {
        if (message.kind === 'presence') messages.push({ topic, message });
      });
      for (const user of ['alice', 'bob', 'carol']) await subject.broker.subscribe(presenceTopic(user));
    });
    afterEach(() => subject.close());

    /** What was published since this was last asked. */
    async function published(): Promise<PresenceMessage[]> {
      await subject.settle();
      return messages.splice(0).map(({ message }) => message);
    }

    const read = async (user: string) => (await store.read([user]))[0];

    async function expectLeases(...leases: readonly LeasedDevice[]): Promise<void> {
      expect(await store.leases()).toEqual(subject.outlivesNodes === true ? [] : leases);
    }

    describe('joining and leaving', () => {
      it('somebody who joins is online, and that is published on their own topic', async () => {
        await store.join('alice', 'd1', bySession('s1'), { fields: { a: 'reading' } });
        await subject.settle();
        const record = await read('alice');
        expect(record).toEqual({
          user: 'alice',
          version: SOME_VERSION,
          s: 'Online',
          fields: { a: 'reading' },
          lastSeenMs: null,
        });
        expect(messages).toEqual([
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
