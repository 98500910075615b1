import { afterAll, beforeAll, expect } from 'vitest';
import type { Directory } from '../../src/ports/directory.ts';
import { directoryChangesContract, directoryContract } from '../../src/testing/index.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { newPrefix, openRosterNode, sharedSqlite } from './roster-nodes.ts';

const database = sharedSqlite();
let server: RedisServer;
let hits = 0;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  // Else the suite would have asked the database alone.
  expect(hits).toBeGreaterThan(200);
  await database.close();
  await server.stop();
});

/** Edits on one node, reads on another that has read the same before each edit: what was kept must not be told. */
async function twoNodes(): Promise<{ directory: Directory; close(): Promise<void> }> {
  const shared = await database.empty();
  const prefix = newPrefix();
  const editing = await openRosterNode(server.port, shared, prefix);
  const reading = await openRosterNode(server.port, shared, prefix);

  let underWay = 0;
  let begun = 0;

  async function warm(users: Iterable<string>): Promise<void> {
    for (const user of users) {
      await reading.cache.rosterOf(user);
      const atRest = underWay === 0;
      const before = begun;
      const kept = await reading.cache.rosterOf(user);
      const whole = await shared.rosterOf(user);
      // Of edits that were asked for at once the first may be made between the two.
      if (atRest && before === begun) expect(kept).toEqual(whole);
    }
  }

  // One after the other: edits begin in the order in which they were called.
  let turn = Promise.resolve();
  const behindWarm =
    <A extends [string, string, ...unknown[]], R>(edit: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      turn = turn.then(() => warm([args[0], args[1]]));
      await turn;
      begun++;
      underWay++;
      try {
        return await edit(...args);
      } finally {
        underWay--;
      }
    };

  const { cache } = editing;
  return {
    directory: {
      ...cache,
      hasUser: reading.cache.hasUser,
      follow: behindWarm(cache.follow),
      unfollow: behindWarm(cache.unfollow),
      block: behindWarm(cache.block),
      unblock: behindWarm(cache.unblock),
      setClose: behindWarm(cache.setClose),
      async importEdges(edges, at, followsPerUser) {
        const followers = [...edges].slice(0, 10).map(([follower]) => follower);
        await warm(new Set(followers));
        return cache.importEdges(edges, at, followsPerUser);
      },
      async erase(user, at) {
        await warm([user, ...(await shared.followersOf(user))]);
        return cache.erase(user, at);
      },
      async rosterOf(viewer) {
        await warm([viewer]);
        return reading.cache.rosterOf(viewer);
      },
    },
    async close() {
      hits += reading.hits;
      await editing.close();
      await reading.close();
    },
  };
}

directoryContract('SQLite behind the cache in Redis, two nodes', twoNodes);
directoryChangesContract('SQLite behind the cache in Redis, two nodes', twoNodes);
