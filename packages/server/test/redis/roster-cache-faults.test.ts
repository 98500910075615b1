import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Directory } from '../../src/ports/directory.ts';
import { startRedis } from '../servers/redis-server.ts';
import { newPrefix, openRosterNode, type RosterNode, sharedSqlite } from './roster-nodes.ts';

const T = 1_700_000_000_000_000;
const database = sharedSqlite();
let shared: Directory;
afterAll(() => database.close());
beforeEach(async () => {
  shared = await database.empty();
  for (const user of ['alice', 'bob', 'carol']) await shared.ensureUser(user);
  await shared.follow('alice', 'bob', T);
});

const followed = async (node: RosterNode) => (await node.cache.rosterOf('alice')).map(({ user }) => user);

function untilUp(node: RosterNode): Promise<void> {
  return new Promise((resolve) => node.link.onUp(async () => resolve()));
}

describe('while Redis is away', () => {
  it('rosters are read from the database, and edits are refused with nothing changed; then all goes on', async () => {
    const server = await startRedis();
    const prefix = newPrefix();
    const [one, two] = [
      await openRosterNode(server.port, shared, prefix),
      await openRosterNode(server.port, shared, prefix),
    ];
    await followed(one);
    const down = new Promise<void>((resolve) => one.link.onDown(() => resolve()));
    await server.kill9();
    await down;
    expect(await followed(one)).toEqual(['bob']);
    expect(await one.cache.hasUser('alice')).toBe(true);
    expect(await one.cache.ensureUser('erin')).toBe(true);
    for (const edit of [
      one.cache.follow('alice', 'carol', T + 1),
      one.cache.unfollow('alice', 'bob', T + 1),
      one.cache.block('bob', 'alice', T + 1),
      one.cache.unblock('bob', 'alice', T + 1),
      one.cache.setClose('bob', 'alice', true, T + 1),
      one.cache.importEdges([['alice', 'carol']], T + 1),
      one.cache.erase('bob', T + 1),
    ])
      await expect(edit).rejects.toMatchObject({ code: 'unavailable' });
    expect(await shared.rosterOf('alice')).toEqual([{ user: 'bob', close: false }]);
    expect(await shared.hasUser('bob')).toBe(true);
    const back = Promise.all([untilUp(one), untilUp(two)]);
    await server.restart();
    await back;
    expect(await one.cache.block('bob', 'alice', T + 2)).toBe(true);
    expect(await followed(two)).toEqual([]);
    // That Redis is away is the link's to tell.
    expect(one.warnings).toEqual([]);
    await one.close();
    await two.close();
    await server.stop();
  });

  it('an edit that was under way is made, and nobody reads what was before it once Redis is back, older than the edit', async () => {
    const server = await startRedis();
    const prefix = newPrefix();
    const hold = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const one = await openRosterNode(
      server.port,
      {
        ...shared,
        async block(...args) {
          asked.resolve();
          await hold.promise;
          return shared.block(...args);
        },
      },
      prefix,
    );
    const two = await openRosterNode(server.port, shared, prefix);
    await followed(two);
    await two.link.command(null, 'PING');
    expect(await followed(two)).toEqual(['bob']);
    expect(two.hits).toBe(1);
    // The entry is in the snapshot, the mark of the edit is not.
    await server.run('SAVE');
    const blocking = one.cache.block('bob', 'alice', T + 1);
    await asked.promise;
    const down = new Promise<void>((resolve) => one.link.onDown(() => resolve()));
    await server.kill9();
    await down;
    hold.resolve();
    expect(await blocking).toBe(true);
    // And it dies before it could say so.
    await one.close();
    const back = untilUp(two);
    await server.restart();
    await back;
    expect(await server.run('DBSIZE')).toBeGreaterThan(0);
    for (let i = 0; i < 3; i++) expect(await followed(two)).toEqual([]);
    await two.close();
    await server.stop();
  });

  it('an error that Redis answers is told once, and costs nobody their roster', async () => {
    const server = await startRedis();
    const prefix = newPrefix();
    const one = await openRosterNode(server.port, shared, prefix);
    await server.run('ACL', 'SETUSER', 'default', '-evalsha', '-eval');
    for (let i = 0; i < 3; i++) expect(await followed(one)).toEqual(['bob']);
    expect(one.warnings).toEqual(['roster_cache_failed']);
    await server.run('ACL', 'SETUSER', 'default', '+evalsha', '+eval');
    await one.close();
    await server.stop();
  });
});
