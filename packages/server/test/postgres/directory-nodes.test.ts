import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPostgresDirectory } from '../../src/adapters/sql/postgres/directory.ts';
import { pgStatement } from '../../src/adapters/sql/postgres/statement.ts';
import type { Directory } from '../../src/ports/directory.ts';
import {
  type Node,
  type PostgresUnderTest,
  emptyDatabase,
  openNode,
  startPostgresUnderTest,
} from './postgres-under-test.ts';

const NODES = 3;
const T = 1_700_000_000_000_000;

let server: PostgresUnderTest;
let nodes: Node[];
let directories: Directory[];
beforeAll(async () => {
  server = await startPostgresUnderTest();
  const url = await server.createMigrated();
  nodes = await Promise.all(Array.from({ length: NODES }, () => openNode(url)));
  directories = nodes.map(({ postgres, queue }) => createPostgresDirectory(postgres, queue));
});
afterAll(async () => {
  for (const node of nodes) await node.close();
  await server.stop();
});
beforeEach(() => emptyDatabase((nodes[0] as Node).postgres));

const on = (n: number): Directory => directories[n % NODES] as Directory;
const people = Array.from({ length: 12 }, (_, i) => `p${i}`);

describe(`${NODES} nodes edit one directory`, () => {
  it('no more follow than the limit has room for, whichever nodes let them', async () => {
    for (const user of ['star', ...people]) await on(0).ensureUser(user);
    const results = await Promise.all(
      people.flatMap((user) => [0, 1, 2].map((n) => on(n).follow('star', user, T, 5))),
    );
    expect(results.filter((result) => result === 'changed')).toHaveLength(5);
    expect(await on(1).rosterOf('star')).toHaveLength(5);
    // Also where an import runs beside it.
    const edges = people.map((user) => ['fan', user] as const);
    const [imported, ...edited] = await Promise.all([
      on(0).importEdges(edges, T, 7),
      ...people.map((user, i) => on(i + 1).follow('fan', user, T, 7)),
    ]);
    const followed = edited.filter((result) => result === 'changed').length;
    expect(imported.added + followed).toBe(7);
    expect(await on(2).rosterOf('fan')).toHaveLength(7);
  });

  it('an edit waits for an import that has counted already, and finds what that added', async () => {
    for (const user of ['fan', ...people]) await on(0).ensureUser(user);
    const { postgres } = nodes[2] as Node;
    const waiting = async (locktype: string): Promise<boolean> => {
      const [row] = await server.run(
        `SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted AND locktype = '${locktype}'`,
      );
      return Number(row?.['waiting']) > 0;
    };
    const holding = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    // Somebody of that name logs in for the first time, and the transaction does not end.
    const login = postgres.transaction(async (within) => {
      await within.exec("INSERT INTO users (name) VALUES ('newcomer')");
      holding.resolve();
      await go.promise;
    });
    await holding.promise;
    const names = ['newcomer', ...people.slice(0, 5)];
    const imported = on(0).importEdges(
      names.map((name) => ['fan', name] as const),
      T,
      7,
    );
    while (!(await waiting('transactionid'))) await Promise.resolve();
    let edited = false;
    const edits = Promise.all(people.slice(5).map((user) => on(1).follow('fan', user, T, 7))).then(
      (results) => {
        edited = true;
        return results;
      },
    );
    while (!edited && !(await waiting('advisory'))) await Promise.resolve();
    go.resolve();
    await login;
    expect((await imported).added).toBe(6);
    expect((await edits).filter((result) => result === 'changed')).toHaveLength(1);
    expect(await on(2).rosterOf('fan')).toHaveLength(7);
  });

  it('edits of the same few people in every order end, and whoever is erased is gone with every edge', async () => {
    for (const user of people) await on(0).ensureUser(user);
    const pick = (n: number): string => people[n % people.length] as string;
    await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const [a, b] = [pick(i * 7), pick(i * 5 + 3)];
        const directory = on(i);
        switch (i % 6) {
          case 0:
          case 1:
            return directory.follow(a, b, T + i);
          case 2:
            return directory.unfollow(b, a, T + i);
          case 3:
            return directory.block(a, b, T + i);
          case 4:
            return directory.unblock(a, b, T + i);
          default:
            return i % 60 === 5 ? directory.erase(a, T + i) : directory.setClose(a, b, true, T + i);
        }
      }),
    );
    const left = pgStatement<{ dangling: number }>(
      'dangling',
      `SELECT count(*) AS dangling FROM (
          SELECT follower AS id FROM follows UNION SELECT followee FROM follows
          UNION SELECT blocker FROM blocks UNION SELECT blocked FROM blocks
          UNION SELECT owner FROM close_friends UNION SELECT friend FROM close_friends
        ) AS named WHERE id NOT IN (SELECT id FROM users)`,
    );
    expect(await (nodes[0] as Node).postgres.run(left)).toEqual([{ dangling: 0 }]);
  });

  it('of imports of the same people at once each edge and each user is counted once', async () => {
    const edges = Array.from({ length: 3_000 }, (_, i) => [`fan${i % 200}`, `idol${i % 170}`] as const);
    const results = await Promise.all([0, 1, 2].map((n) => on(n).importEdges(edges, T)));
    const distinct = new Set(edges.map(([a, b]) => `${a} ${b}`)).size;
    expect(results.reduce((sum, { added }) => sum + added, 0)).toBe(distinct);
    expect(results.reduce((sum, { users }) => sum + users, 0)).toBe(370);
  });

  it('an edit that waited long is known to the other nodes with it: whoever has a later stamp is sent everything', async () => {
    for (const user of ['alice', 'bob']) await on(0).ensureUser(user);
    const { postgres } = nodes[1] as Node;
    const holding = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const import_ = postgres.transaction(async (within) => {
      await within.exec("SELECT id FROM users WHERE name = 'alice' FOR UPDATE");
      holding.resolve();
      await go.promise;
    });
    await holding.promise;
    const follow = on(0).follow('alice', 'bob', T);
    // It waits for the row; the port's two seconds pass meanwhile on Postgres's own clock.
    await (nodes[2] as Node).postgres.transaction((within) => within.exec('SELECT pg_sleep(1.7)'));
    go.resolve();
    await import_;
    expect(await follow).toBe('changed');
    expect(await on(2).changesSince('alice', T + 1_000_000)).toEqual({ complete: false });
    expect(await on(2).changesSince('alice', T + 60_000_000)).toMatchObject({ complete: true });
    expect(await on(2).changesSince('alice', T - 1)).toMatchObject({ complete: true, changed: ['bob'] });
  });

  it('last seen never moves backwards, whichever node is late', async () => {
    for (const user of people) await on(0).ensureUser(user);
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        on(i).recordLastSeen(people.map((user, p) => ({ user, ms: ((i * 31 + p * 17) % 60) + 1 }))),
      ),
    );
    const seen = await on(1).lastSeen(people);
    for (const [p, user] of people.entries()) {
      const all = Array.from({ length: 60 }, (_, i) => ((i * 31 + p * 17) % 60) + 1);
      expect(seen.get(user)).toBe(Math.max(...all));
    }
  });
});
