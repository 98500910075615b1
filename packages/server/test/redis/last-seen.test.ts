import { describe, expect, it } from 'vitest';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import {
  createLastSeenWriter,
  FLUSH_MS,
  type LastSeenOptions,
  MOST_WAITING,
  ONLINE_EVERY_MS,
  USERS_A_STATEMENT,
} from '../../src/adapters/redis/last-seen.ts';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import type { LastSeen } from '../../src/ports/directory.ts';
import type { PresenceRecord } from '../../src/ports/presence.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { temporarySqlite } from '../adapters/subjects.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`);

/** Those whose names begin with `hidden` hold devices, and are seen by nobody. */
const recordOf = (user: string): PresenceRecord => ({
  user,
  version: 1,
  s: user.startsWith('hidden') ? 'Offline' : 'Busy',
  fields: {},
  lastSeenMs: null,
});

function bench(more: Partial<LastSeenOptions> = {}) {
  const clock = createVirtualClock();
  const memory = createMemoryDirectory();
  const state = {
    statements: [] as (readonly LastSeen[])[],
    away: false,
    held: null as Promise<void> | null,
    warnings: [] as string[],
  };
  const writer = createLastSeenWriter({
    directory: {
      lastSeen: memory.lastSeen,
      async recordLastSeen(batch) {
        state.statements.push(batch);
        await state.held;
        if (state.away) throw storeUnavailable('away');
        for (const { user } of batch) void memory.ensureUser(user);
        await memory.recordLastSeen(batch);
      },
    },
    clock,
    users: () => [],
    presence: { read: async (users) => users.map((user) => recordOf(user)) },
    warn: (event, detail) => void state.warnings.push(`${event} ${JSON.stringify(detail)}`),
    ...more,
  });
  const stored = async (...users: string[]) => [...(await memory.lastSeen(users))];
  return Object.assign(state, { clock, memory, writer, stored });
}

describe('last seen, written behind', () => {
  it('is one statement for what came within a second, with the latest time of each', async () => {
    const b = bench();
    await b.writer.recordLastSeen([{ user: 'ann', ms: 10 }]);
    await b.writer.recordLastSeen([
      { user: 'bob', ms: 5 },
      { user: 'ann', ms: 30 },
      { user: 'ann', ms: 20 },
    ]);
    expect(b.writer.waiting).toBe(2);
    await b.clock.advance(FLUSH_MS - 1);
    expect(b.statements).toEqual([]);
    await b.clock.advance(1);
    expect(b.statements).toEqual([
      [
        { user: 'ann', ms: 30 },
        { user: 'bob', ms: 5 },
      ],
    ]);
    expect(b.writer.waiting).toBe(0);
    await b.clock.advance(10 * FLUSH_MS);
    expect(b.statements).toHaveLength(1);
    expect(b.clock.timers).toBe(0);
  });

  it('is written no more often than each second, however slow the database is, and never twice at once', async () => {
    const b = bench();
    const hold = Promise.withResolvers<void>();
    b.held = hold.promise;
    await b.writer.recordLastSeen([{ user: 'ann', ms: 1 }]);
    await b.clock.advance(FLUSH_MS);
    await b.writer.recordLastSeen([{ user: 'ann', ms: 2 }]);
    await b.clock.advance(10 * FLUSH_MS);
    expect(b.statements).toHaveLength(1);
    b.held = null;
    hold.resolve();
    await b.clock.settle();
    expect(b.statements).toHaveLength(1);
    await b.clock.advance(FLUSH_MS);
    expect(b.statements).toHaveLength(2);
    expect(await b.stored('ann')).toEqual([['ann', 2]]);
  });

  it('of many is written in statements of bounded size, one behind the other', async () => {
    const b = bench();
    const users = names(2 * USERS_A_STATEMENT + 1);
    await b.writer.recordLastSeen(users.map((user) => ({ user, ms: 7 })));
    await b.clock.advance(FLUSH_MS);
    expect(b.statements.map(({ length }) => length)).toEqual([USERS_A_STATEMENT, USERS_A_STATEMENT, 1]);
    expect((await b.memory.lastSeen(users)).size).toBe(users.length);
  });

  it('is read with what is not written yet, whichever is later', async () => {
    const b = bench();
    for (const user of ['ann', 'bob', 'cai']) await b.memory.ensureUser(user);
    await b.memory.recordLastSeen([
      { user: 'ann', ms: 50 },
      { user: 'bob', ms: 50 },
    ]);
    const hold = Promise.withResolvers<void>();
    await b.writer.recordLastSeen([
      { user: 'ann', ms: 40 },
      { user: 'bob', ms: 60 },
    ]);
    const seen = () => b.writer.lastSeen(['ann', 'bob', 'cai']);
    const truth = new Map([
      ['ann', 50],
      ['bob', 60],
    ]);
    expect(await seen()).toEqual(truth);
    b.held = hold.promise;
    await b.clock.advance(FLUSH_MS);
    expect(b.statements).toHaveLength(1);
    expect(await seen()).toEqual(truth);
    hold.resolve();
    await b.clock.settle();
    expect(await seen()).toEqual(truth);
    expect(await b.stored('ann', 'bob')).toEqual([...truth]);
  });

  it('that is refused is asked for again with growing pauses, and nothing newer is lost to it', async () => {
    const b = bench();
    b.away = true;
    await b.writer.recordLastSeen([
      { user: 'ann', ms: 1 },
      { user: 'bob', ms: 9 },
    ]);
    const hold = Promise.withResolvers<void>();
    b.held = hold.promise;
    await b.clock.advance(FLUSH_MS);
    // Meanwhile one is seen again, and one is said to have been seen before.
    await b.writer.recordLastSeen([
      { user: 'ann', ms: 2 },
      { user: 'bob', ms: 8 },
    ]);
    b.held = null;
    hold.resolve();
    await b.clock.advance(63_000 - 1);
    // After 2, 4, 8, 16 and 30 seconds.
    expect(b.statements).toHaveLength(6);
    expect(b.warnings).toHaveLength(6);
    b.away = false;
    await b.clock.advance(30_000);
    expect(await b.stored('ann', 'bob')).toEqual([
      ['ann', 2],
      ['bob', 9],
    ]);
    await b.writer.recordLastSeen([{ user: 'ann', ms: 3 }]);
    await b.clock.advance(FLUSH_MS);
    expect(await b.stored('ann')).toEqual([['ann', 3]]);
  });

  it('keeps no more than its bound while the database is away, counts what it gave up, and keeps the latest', async () => {
    const b = bench();
    b.away = true;
    const users = names(MOST_WAITING + 10);
    await b.writer.recordLastSeen(users.map((user) => ({ user, ms: 1 })));
    expect(b.writer.waiting).toBe(MOST_WAITING);
    expect(b.writer.dropped).toBe(10);
    await b.clock.advance(FLUSH_MS);
    expect(b.warnings[0]).toContain('"dropped":10');
    // Those who are known already take no place.
    await b.writer.recordLastSeen([{ user: users.at(-1)!, ms: 2 }]);
    expect(b.writer.dropped).toBe(10);
    // A batch that comes back finds its place taken.
    const hold = Promise.withResolvers<void>();
    b.held = hold.promise;
    await b.clock.advance(2 * FLUSH_MS);
    await b.writer.recordLastSeen(names(3).map((user) => ({ user: `new ${user}`, ms: 3 })));
    for (let i = 0; i < USERS_A_STATEMENT; i++) await b.writer.recordLastSeen([{ user: `more ${i}`, ms: 3 }]);
    b.held = null;
    hold.resolve();
    await b.clock.settle();
    expect(b.writer.waiting).toBe(MOST_WAITING);
    expect(b.writer.dropped).toBe(10 + 3 + USERS_A_STATEMENT);
    b.away = false;
    await b.writer.close();
    expect(await b.stored(users.at(-1)!, 'new u0')).toEqual([
      [users.at(-1), 2],
      ['new u0', 3],
    ]);
  });

  it('of whoever is online is noted every five minutes, without holding up the loop', async () => {
    const online = new Set(names(2_500));
    const asked: number[] = [];
    const b = bench({
      users: () => online,
      presence: {
        async read(users) {
          asked.push(users.length);
          return users.map(recordOf);
        },
      },
    });
    b.writer.start();
    await b.clock.advance(ONLINE_EVERY_MS + FLUSH_MS - 1);
    expect(b.statements).toEqual([]);
    const atMs = b.clock.nowMs() - FLUSH_MS + 1;
    await b.clock.advance(1);
    expect(b.statements).toHaveLength(5);
    expect(asked).toEqual([500, 500, 500, 500, 500]);
    expect(await b.stored('u0', 'u2499')).toEqual([
      ['u0', atMs],
      ['u2499', atMs],
    ]);
    online.clear();
    online.add('u7');
    online.add('hidden');
    await b.clock.advance(ONLINE_EVERY_MS);
    expect(b.statements.slice(5)).toEqual([[{ user: 'u7', ms: atMs + ONLINE_EVERY_MS }]]);
    await b.writer.close();
    await b.clock.advance(10 * ONLINE_EVERY_MS);
    expect(b.statements).toHaveLength(6);
    expect(b.clock.timers).toBe(0);
  });

  it('of whoever is online is noted five minutes later where it could not be read who is', async () => {
    const state = { away: true };
    const b = bench({
      users: () => ['ann'],
      presence: {
        async read(users) {
          if (state.away) throw storeUnavailable('away');
          return users.map(recordOf);
        },
      },
    });
    b.writer.start();
    await b.clock.advance(ONLINE_EVERY_MS + FLUSH_MS);
    expect(b.statements).toEqual([]);
    expect(b.warnings).toEqual(['online_not_noted {"error":"Error: away"}']);
    state.away = false;
    await b.clock.advance(ONLINE_EVERY_MS);
    expect(b.statements).toEqual([[{ user: 'ann', ms: b.clock.nowMs() - FLUSH_MS }]]);
    await b.writer.close();
    expect(b.clock.timers).toBe(0);
  });

  it('is written when it closes, also what came behind a statement that is under way', async () => {
    const b = bench();
    const hold = Promise.withResolvers<void>();
    await b.writer.recordLastSeen([{ user: 'ann', ms: 1 }]);
    b.held = hold.promise;
    await b.clock.advance(FLUSH_MS);
    await b.writer.recordLastSeen([{ user: 'bob', ms: 2 }]);
    const closing = b.writer.close();
    hold.resolve();
    await closing;
    expect(await b.stored('ann', 'bob')).toEqual([
      ['ann', 1],
      ['bob', 2],
    ]);
    const away = bench();
    await away.writer.recordLastSeen([{ user: 'ann', ms: 1 }]);
    away.away = true;
    await away.writer.close();
    expect(away.warnings.at(-1)).toBe('last_seen_lost {"users":1}');
  });
});

it('last seen reaches a real database, and never moves backwards in it', async () => {
  const file = await temporarySqlite();
  const database = await file.open();
  const directory = createSqliteDirectory(database);
  for (const user of ['ann', 'bob']) await directory.ensureUser(user);
  await directory.recordLastSeen([{ user: 'ann', ms: 2_000 }]);
  const writer = createLastSeenWriter({
    directory,
    clock: createNodeClock(),
    users: () => [],
    presence: { read: async () => [] },
    warn: () => undefined,
  });
  await writer.recordLastSeen([
    { user: 'ann', ms: 1_000 },
    { user: 'bob', ms: 1_000 },
    { user: 'ghost', ms: 1_000 },
  ]);
  expect(await writer.lastSeen(['ann', 'bob'])).toEqual(
    new Map([
      ['ann', 2_000],
      ['bob', 1_000],
    ]),
  );
  await writer.close();
  expect(await directory.lastSeen(['ann', 'bob', 'ghost'])).toEqual(
    new Map([
      ['ann', 2_000],
      ['bob', 1_000],
    ]),
  );
  expect(await directory.hasUser('ghost')).toBe(false);
  await database.close();
  await file.remove();
});
