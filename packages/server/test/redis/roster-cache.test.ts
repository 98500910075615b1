import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { MAX_ROSTER_UNITS, ROSTER_LIFE_MS } from '../../src/adapters/redis/roster-cache.ts';
import { rosterKeys } from '../../src/adapters/redis/roster-keys.ts';
import { EDIT_MS } from '../../src/adapters/redis/roster-marks.ts';
import { rosterOfText, rosterText } from '../../src/adapters/redis/roster-text.ts';
import type { Directory } from '../../src/ports/directory.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { newPrefix, openRosterNode, type RosterNode, sharedSqlite } from './roster-nodes.ts';

const T = 1_700_000_000_000_000;
const database = sharedSqlite();
let server: RedisServer;
let shared: Directory;
let prefix: string;
let one: RosterNode;
let two: RosterNode;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await database.close();
  await server.stop();
});
beforeEach(async () => {
  shared = await database.empty();
  prefix = newPrefix();
  for (const user of ['alice', 'bob', 'carol']) await shared.ensureUser(user);
  await shared.follow('alice', 'bob', T);
  [one, two] = [
    await openRosterNode(server.port, shared, prefix),
    await openRosterNode(server.port, shared, prefix),
  ];
});
afterEach(async () => {
  await one.close();
  await two.close();
});

const keysOf = (viewer: string) => rosterKeys(createKeys(prefix), viewer);
const followed = async (node: RosterNode, viewer = 'alice') =>
  (await node.cache.rosterOf(viewer)).map(({ user }) => user);

/** Fills in what the next reading of any node finds. */
async function warm(...viewers: string[]): Promise<void> {
  for (const viewer of viewers) {
    await one.cache.rosterOf(viewer);
    await one.link.command(null, 'PING');
  }
  for (const node of [one, two]) {
    node.scripts.length = 0;
    node.queries.length = 0;
    node.hits = 0;
  }
}

describe('a roster behind Redis', () => {
  it('costs one command and no query where any node has read it, two beside the query where not', async () => {
    expect(await followed(one)).toEqual(['bob']);
    expect(one.scripts).toEqual(['roster-read', 'roster-fill']);
    expect(one.queries).toEqual(['rosterOf']);
    await warm('alice');
    expect(await followed(two)).toEqual(['bob']);
    expect(two.scripts).toEqual(['roster-read']);
    expect(two.queries).toEqual([]);
  });

  it('is not kept for ever', async () => {
    await warm('alice');
    const leftMs = Number(await server.run('PTTL', keysOf('alice')[0]));
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(ROSTER_LIFE_MS);
  });

  it('tells who is known without a query, and asks about who has none', async () => {
    await warm('alice', 'carol', 'ghost');
    expect(await two.cache.ensureUser('alice')).toBe(false);
    expect(await two.cache.hasUser('alice')).toBe(true);
    // Who follows nobody is known all the same.
    expect(await two.cache.hasUser('carol')).toBe(true);
    expect(two.queries).toEqual([]);
    expect(await two.cache.hasUser('ghost')).toBe(false);
    expect(await two.cache.ensureUser('ghost')).toBe(true);
    expect(await two.cache.hasUser('ghost')).toBe(true);
    expect(two.queries).toEqual(['hasUser', 'ensureUser', 'hasUser']);
  });

  it('of one viewer is filled in by one of those who read it at the same time', async () => {
    const rosters = await Promise.all([one, two, one, two, one].map((node) => followed(node)));
    expect(rosters).toEqual(Array.from({ length: 5 }, () => ['bob']));
    const scripts = [...one.scripts, ...two.scripts];
    expect(scripts.filter((name) => name === 'roster-fill')).toHaveLength(1);
  });

  it('that is too long for Redis is read from the database each time', async () => {
    const names = Array.from({ length: 2_200 }, (_, i) => `${i}`.padEnd(250, 'x'));
    await shared.importEdges(
      names.map((name) => ['carol', name]),
      T,
    );
    expect(rosterText(await shared.rosterOf('carol'), true).length).toBeGreaterThan(MAX_ROSTER_UNITS);
    await warm('carol');
    expect(await followed(two, 'carol')).toHaveLength(2_200);
    expect(two.queries).toEqual(['rosterOf']);
  });

  it('that another version wrote, or nobody did, is read from the database', async () => {
    await warm('alice');
    const run = String(await server.run('GETRANGE', keysOf('alice')[0], '1', '16'));
    for (const text of [
      '',
      '2k[["x"],[]]',
      '1k[["x"]',
      '1k[["x"],[7]]',
      '1k[[7],[]]',
      '1k{}',
      'k',
      '1k[["x"]]',
    ]) {
      await server.run('SET', keysOf('alice')[0], `v${run}${text}`);
      expect(await followed(two), text).toEqual(['bob']);
      expect(rosterOfText(text)).toBeUndefined();
    }
  });

  it('is written and read with names of every kind, in their order', () => {
    const edges = ['o"h\\ara', '{a}:b', '💚', 'ä', '\ud800', '', '__proto__'].map((user, i) => ({
      user,
      close: i % 3 === 1,
    }));
    expect(rosterOfText(rosterText(edges, true))).toEqual(edges);
    expect(rosterOfText(rosterText([], false))).toEqual([]);
  });
});

describe('an edit', () => {
  it.each([
    ['follow', 'alice', (d: Directory) => d.follow('alice', 'carol', T + 1)],
    ['unfollow', 'alice', (d: Directory) => d.unfollow('alice', 'bob', T + 1)],
    ['block', 'alice', (d: Directory) => d.block('bob', 'alice', T + 1)],
    ['setClose', 'alice', (d: Directory) => d.setClose('bob', 'alice', true, T + 1)],
    ['importEdges', 'alice', (d: Directory) => d.importEdges([['alice', 'erin']], T + 1)],
    ['erase', 'alice', (d: Directory) => d.erase('bob', T + 1)],
  ] as const)('(%s) on one node is read on the other as soon as it resolves', async (_, viewer, edit) => {
    await warm(viewer);
    const before = await two.cache.rosterOf(viewer);
    expect(two.hits).toBe(1);
    await edit(one.cache);
    const after = await two.cache.rosterOf(viewer);
    expect(after).toEqual(await shared.rosterOf(viewer));
    expect(after).not.toEqual(before);
  });

  it('takes an unblocked user back in, and erases the erased from what is kept', async () => {
    await one.cache.block('bob', 'alice', T + 1);
    await warm('alice', 'bob');
    await one.cache.unblock('bob', 'alice', T + 2);
    expect(await followed(two)).toEqual(['bob']);
    await one.cache.erase('bob', T + 3);
    expect(await two.cache.hasUser('bob')).toBe(false);
    expect(await server.run('EXISTS', ...keysOf('bob'))).toBe(0);
  });

  it('costs two commands, and leaves nothing behind', async () => {
    await warm('alice');
    await one.cache.follow('alice', 'carol', T + 1);
    expect(one.scripts).toEqual(['roster-begin', 'roster-end']);
    expect(await server.run('EXISTS', ...keysOf('alice'))).toBe(0);
  });

  it('that was under way when a reader asked the database lets nothing be kept of the answer', async () => {
    const hold = Promise.withResolvers<void>();
    const slow = await openRosterNode(
      server.port,
      {
        ...shared,
        async rosterOf(viewer) {
          const edges = await shared.rosterOf(viewer);
          await hold.promise;
          return edges;
        },
      },
      prefix,
    );
    const reading = followed(slow);
    await slow.link.command(null, 'PING');
    await one.cache.unfollow('alice', 'bob', T + 1);
    hold.resolve();
    // It asked before the edit, and may be told what was before it.
    expect(await reading).toEqual(['bob']);
    await slow.link.command(null, 'PING');
    expect(slow.scripts).toEqual(['roster-read', 'roster-fill']);
    expect(await followed(two)).toEqual([]);
    await slow.close();
  });

  it('whose node dies in the midst of it leaves nothing that could be wrong, and not for ever', async () => {
    await warm('alice');
    // Committed, and never ended.
    one.refused = new Set(['roster-end']);
    await one.cache.unfollow('alice', 'bob', T + 1);
    for (let i = 0; i < 3; i++) expect(await followed(two)).toEqual([]);
    expect(two.scripts).toEqual(['roster-read', 'roster-read', 'roster-read']);
    const leftMs = Number(await server.run('PTTL', keysOf('alice')[1]));
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(EDIT_MS);
  });

  it('that erases somebody, and whose node dies in the midst of it, leaves them on no roster', async () => {
    await warm('alice', 'bob');
    one.refused = new Set(['roster-end']);
    await one.cache.erase('bob', T + 1);
    expect(await followed(two)).toEqual([]);
    expect(await two.cache.hasUser('bob')).toBe(false);
  });

  it('whose mark Redis lost takes away what was filled in meanwhile', async () => {
    const hold = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const slow = await openRosterNode(
      server.port,
      {
        ...shared,
        async unfollow(...args) {
          asked.resolve();
          await hold.promise;
          return shared.unfollow(...args);
        },
      },
      prefix,
    );
    const unfollowing = slow.cache.unfollow('alice', 'bob', T + 1);
    await asked.promise;
    await server.run('FLUSHALL');
    await warm('alice');
    expect(await followed(two)).toEqual(['bob']);
    expect(two.hits).toBe(1);
    hold.resolve();
    await unfollowing;
    expect(await followed(two)).toEqual([]);
    await slow.close();
  });

  it('that the database refuses keeps readers at the database until it surely does not come to pass', async () => {
    const refusing = await openRosterNode(
      server.port,
      { ...shared, unfollow: () => Promise.reject(new Error('no answer in time')) },
      prefix,
    );
    await warm('alice');
    await expect(refusing.cache.unfollow('alice', 'bob', T + 1)).rejects.toThrow('no answer in time');
    expect(await followed(two)).toEqual(['bob']);
    expect(await server.run('EXISTS', keysOf('alice')[1])).toBe(1);
    // It was carried out after all.
    await shared.unfollow('alice', 'bob', T + 1);
    expect(await followed(two)).toEqual([]);
    await refusing.close();
  });

  it('that is over does not end another of the same viewer that is under way', async () => {
    const hold = Promise.withResolvers<void>();
    const slow = await openRosterNode(
      server.port,
      {
        ...shared,
        async unfollow(...args) {
          await hold.promise;
          return shared.unfollow(...args);
        },
      },
      prefix,
    );
    slow.refused = new Set(['roster-end']);
    const unfollowing = slow.cache.unfollow('alice', 'bob', T + 2);
    await slow.link.command(null, 'PING');
    await one.cache.follow('alice', 'carol', T + 1);
    expect(await followed(two)).toEqual(['bob', 'carol']);
    hold.resolve();
    await unfollowing;
    expect(await followed(two)).toEqual(['carol']);
    await slow.close();
  });

  it('that could not be ended is ended when the line is back, before anything else', async () => {
    await warm('alice');
    one.refused = new Set(['roster-end']);
    await one.cache.unfollow('alice', 'bob', T + 1);
    one.refused = new Set();
    const back = Promise.withResolvers<void>();
    one.link.onUp(async () => back.resolve());
    await server.run('CLIENT', 'KILL', 'TYPE', 'normal');
    await back.promise;
    expect(await server.run('EXISTS', keysOf('alice')[1])).toBe(0);
    expect(one.scripts.at(-1)).toBe('roster-end');
  });
});
