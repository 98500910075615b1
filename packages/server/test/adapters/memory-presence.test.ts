import { describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { noJournal } from '../../src/adapters/memory/journal.ts';
import { createMemoryPresence } from '../../src/adapters/memory/presence.ts';
import { createMemorySessions } from '../../src/adapters/memory/sessions.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import type { NodeMessage } from '../../src/ports/broker.ts';
import type { Directory } from '../../src/ports/directory.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { isStoreUnavailable, storeUnavailable } from '../../src/ports/unavailable.ts';
import { createSlowDisk } from './slow-disk.ts';
import { GRACE_MS, T0, session } from './subjects.ts';

/** Sessions of one user, more than any test makes. */
const MOST = 64;

type LastSeenStore = Pick<Directory, 'lastSeen' | 'recordLastSeen'>;

function presenceOver(journal: Journal, lastSeen: LastSeenStore, published: NodeMessage[] = []) {
  const broker = createMemoryBroker();
  broker.listen((_topic, message) => published.push(message));
  void broker.subscribe('presence:alice');
  return createMemoryPresence({ broker, journal, lastSeen, stamps: createStampSource(0), nowMs: () => T0 });
}

/** Counts what is asked of it; holds nothing. */
function askedDirectory(asked: string[]): LastSeenStore {
  return {
    async lastSeen(users) {
      asked.push(...users);
      return new Map<string, number>();
    },
    async recordLastSeen() {},
  };
}

const holder = { kind: 'session', session: 's1', generation: 1 } as const;

describe('presence in memory', () => {
  it('is published within the call, before anything is written', () => {
    const disk = createSlowDisk(['alice']);
    const published: NodeMessage[] = [];
    const store = presenceOver(disk.journal, disk.lastSeen, published);
    void store.join('alice', 'd1', holder, { fields: {} });
    void store.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
    expect(published).toMatchObject([{ record: { s: 'Online' } }, { record: { s: 'Busy' } }]);
  });

  it('resolves only when the device and the last seen are written', async () => {
    const disk = createSlowDisk(['alice']);
    const store = presenceOver(disk.journal, disk.lastSeen);
    const done: string[] = [];
    void store.join('alice', 'd1', holder, { fields: {} }).then(() => done.push('join'));
    void store.leave('alice', 'd1', 's1').then(() => done.push('leave'));
    await disk.write(1);
    expect(done).toEqual(['join']);
    await disk.write(1);
    expect(done).toEqual(['join']);
    await disk.write(1);
    expect(done).toEqual(['join', 'leave']);
  });

  it('forgets users who left once their last seen is written, and asks the directory about them from then on', async () => {
    const asked: string[] = [];
    const store = presenceOver(noJournal, askedDirectory(asked));
    const users = Array.from({ length: 2_000 }, (_, i) => `user-${i}`);
    await Promise.all(users.map((user) => store.join(user, 'd1', holder, { fields: {} })));
    await store.read(users);
    expect(asked).toEqual([]);
    await Promise.all(users.map((user) => store.leave(user, 'd1', 's1')));
    await store.read(users);
    expect(asked).toEqual(users);
  });

  it('keeps what it knows of a user whose last seen could not be written', async () => {
    const store = presenceOver(noJournal, {
      ...askedDirectory([]),
      recordLastSeen: () => Promise.reject(storeUnavailable('the disk is full')),
    });
    await store.join('alice', 'd1', holder, { fields: {} });
    await expect(store.leave('alice', 'd1', 's1')).rejects.toSatisfy(isStoreUnavailable);
    expect(await store.read(['alice'])).toMatchObject([{ s: 'Offline', lastSeenMs: T0 }]);
  });

  it.each(['a device is written', 'a last seen is written', 'the session leaves again'])(
    'a refused last seen is written as soon as %s, and the user is forgotten',
    async (what) => {
      let refuses = true;
      const asked: string[] = [];
      const seen = new Map<string, number>();
      const store = presenceOver(noJournal, {
        async lastSeen(users) {
          asked.push(...users);
          return seen;
        },
        async recordLastSeen(batch) {
          if (refuses) throw storeUnavailable('the disk is full');
          for (const { user, ms } of batch) seen.set(user, ms);
        },
      });
      const bob = { kind: 'session', session: 's2', generation: 1 } as const;
      if (what === 'a last seen is written') await store.join('bob', 'd2', bob, { fields: {} });
      await store.join('alice', 'd1', holder, { fields: {} });
      await expect(store.leave('alice', 'd1', 's1')).rejects.toSatisfy(isStoreUnavailable);
      refuses = false;
      if (what === 'a device is written') await store.join('bob', 'd2', bob, { fields: {} });
      else if (what === 'a last seen is written') await store.leave('bob', 'd2', 's2');
      else await store.leave('alice', 'd1', 's1');
      await Promise.resolve();
      expect(seen.get('alice')).toBe(T0);
      expect(await store.read(['alice'])).toMatchObject([{ s: 'Offline', lastSeenMs: T0 }]);
      expect(asked).toEqual(['alice']);
    },
  );

  it('a last seen that was refused is not written once the user is back', async () => {
    let refuses = true;
    const seen = new Map<string, number>();
    const store = presenceOver(noJournal, {
      lastSeen: async () => seen,
      async recordLastSeen(batch) {
        if (refuses) throw storeUnavailable('the disk is full');
        for (const { user, ms } of batch) seen.set(user, ms);
      },
    });
    await store.join('alice', 'd1', holder, { fields: {} });
    await expect(store.leave('alice', 'd1', 's1')).rejects.toSatisfy(isStoreUnavailable);
    refuses = false;
    await store.join('alice', 'd1', holder, { fields: {} });
    await Promise.resolve();
    expect(seen).toEqual(new Map());
    expect(await store.read(['alice'])).toMatchObject([{ s: 'Online' }]);
  });

  it('a user who comes online while the directory is asked about them is read as online', async () => {
    const answer = Promise.withResolvers<ReadonlyMap<string, number>>();
    const store = presenceOver(noJournal, {
      lastSeen: () => answer.promise,
      recordLastSeen: async () => undefined,
    });
    const reading = store.read(['alice', 'bob']);
    await store.join('alice', 'd1', holder, { fields: {} });
    answer.resolve(
      new Map([
        ['alice', 1],
        ['bob', 2],
      ]),
    );
    expect(await reading).toMatchObject([
      { user: 'alice', s: 'Online', lastSeenMs: null },
      { user: 'bob', s: 'Offline', lastSeenMs: 2, version: 2_000 },
    ]);
  });
});

describe('sessions in memory whose journal refuses', () => {
  const refusing: Journal = {
    ...noJournal,
    putSession: () => Promise.reject(storeUnavailable('the disk is full')),
  };

  it('a session that could not be written is not there: its client was told so', async () => {
    const store = createMemorySessions({ journal: refusing, graceMs: GRACE_MS });
    await expect(store.create(session('s1', 'alice', 'd1'), MOST)).rejects.toSatisfy(isStoreUnavailable);
    expect(await store.sessionsOf('alice')).toEqual([]);
    expect(
      await store.resume({ user: 'alice', tokenHash: 'hash-s1', nextTokenHash: 'x', node: '', nowMs: T0 }),
    ).toEqual({
      ok: false,
      reason: 'unknown',
    });
  });

  it('a resume that could not be written leaves the token that was presented good', async () => {
    let full = false;
    const store = createMemorySessions({
      journal: { ...noJournal, putSession: (record) => (full ? refusing : noJournal).putSession(record) },
      graceMs: GRACE_MS,
    });
    await store.create(session('s1', 'alice', 'd1'), MOST);
    full = true;
    const request = { user: 'alice', tokenHash: 'hash-s1', node: '', nowMs: T0 };
    await expect(store.resume({ ...request, nextTokenHash: 'lost' })).rejects.toSatisfy(isStoreUnavailable);
    full = false;
    expect(await store.resume({ ...request, nextTokenHash: 'next' })).toMatchObject({ ok: true });
  });
});
