import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import type { Sqlite } from '../../src/adapters/sql/sqlite.ts';
import { directoryChangesContract, directoryContract, revocationsContract } from '../../src/testing/index.ts';
import { temporarySqlite } from '../adapters/subjects.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { openRevocationNode } from './revocation-nodes.ts';
import { newPrefix, openRosterNode, sharedSqlite } from './roster-nodes.ts';

describe('a Cluster of six processes', () => {
  const rosters = sharedSqlite();
  let cluster: RedisCluster;
  let topology: RedisSettings['topology'];
  let port: number;
  let file: Awaited<ReturnType<typeof temporarySqlite>>;
  let databases: readonly Sqlite[] = [];
  let hits = 0;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    port = cluster.nodes[0]!.port;
    topology = {
      kind: 'cluster',
      nodes: cluster.nodes.map((node) => ({ host: '127.0.0.1', port: node.port })),
    };
    file = await temporarySqlite();
    databases = [await file.open(), await file.open()];
  }, 90_000);
  afterAll(async () => {
    expect(hits).toBeGreaterThan(20);
    for (const database of databases) await database.close();
    await file.remove();
    await rosters.close();
    await cluster.stop();
  });

  /** Each roster is read twice, on the node that did not edit it: once from the database, once from Redis. */
  async function throughTheCache() {
    const shared = await rosters.empty();
    const prefix = newPrefix();
    const editing = await openRosterNode(port, shared, prefix, { topology });
    const reading = await openRosterNode(port, shared, prefix, { topology });
    return {
      directory: {
        ...editing.cache,
        async rosterOf(viewer: string) {
          await reading.cache.rosterOf(viewer);
          return reading.cache.rosterOf(viewer);
        },
      },
      async close() {
        hits += reading.hits;
        expect(reading.warnings).toEqual([]);
        await editing.close();
        await reading.close();
      },
    };
  }

  directoryContract('SQLite behind the cache in a Redis Cluster', throughTheCache);
  directoryChangesContract('SQLite behind the cache in a Redis Cluster', throughTheCache);

  revocationsContract('SQLite, told to other nodes through a Redis Cluster', async () => {
    const clock = { nowMs: 0 };
    const prefix = newPrefix();
    const raw = new BetterSqlite3(file.path);
    raw.exec('DELETE FROM revoked_users; DELETE FROM revoked_tokens');
    raw.close();
    const open = (database: Sqlite) =>
      openRevocationNode({
        port,
        prefix,
        database,
        redis: { topology },
        clock: { ...createVirtualClock(0), nowMs: () => clock.nowMs },
      });
    const [one, two] = [await open(databases[0]!), await open(databases[1]!)];
    return {
      clock,
      revocations: {
        async revoke(revocation, forgetAtMs) {
          await one.revocations.revoke(revocation, forgetAtMs);
          await one.revocations.catchUp();
          await two.revocations.catchUp();
        },
        isRevoked: two.revocations.isRevoked,
      },
      async close() {
        await one.close();
        await two.close();
      },
    };
  });
});
