import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Directory } from '../../src/ports/directory.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { numbers } from '../wire/scene/numbers.ts';
import { newPrefix, openRosterNode, type RosterNode, sharedSqlite } from './roster-nodes.ts';

const T = 1_700_000_000_000_000;
const VIEWERS = 8;
const EDITS_A_VIEWER = 60;
const READERS = 6;

const database = sharedSqlite();
let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

type Truth = { readonly states: boolean[]; begun: number; resolved: number; reads: number };

it('of many who read and edit on two nodes at once nobody is told a roster that was edited before they asked', async () => {
  const shared = await database.empty();
  await shared.ensureUser('star');
  const prefix = newPrefix();
  const random = numbers(7);
  const turns = async (most: number): Promise<void> => {
    for (let left = random(most + 1); left > 0; left--) await nextTurn();
  };
  // The answer of the database is under way for a while, as that of a server is.
  const slow: Directory = {
    ...shared,
    async rosterOf(viewer) {
      await turns(2);
      const edges = await shared.rosterOf(viewer);
      await turns(20);
      return edges;
    },
  };
  const nodes: RosterNode[] = [];
  for (let i = 0; i < 2; i++) nodes.push(await openRosterNode(server.port, slow, prefix));
  const anyNode = () => nodes[random(2)]!;

  const truths = new Map<string, Truth>();
  for (let i = 0; i < VIEWERS; i++) {
    await shared.ensureUser(`v${i}`);
    truths.set(`v${i}`, { states: [false], begun: 0, resolved: 0, reads: 0 });
  }
  let editing = VIEWERS;

  /** The roster of one viewer goes to and fro, in every way there is. */
  async function edit(viewer: string, truth: Truth): Promise<void> {
    for (let i = 1; i <= EDITS_A_VIEWER; i++) {
      const follows = !truth.states[i - 1]!;
      truth.states.push(follows);
      truth.begun = i;
      const { cache } = anyNode();
      const at = T + i;
      const changed = follows
        ? i % 4 === 1
          ? await cache.follow(viewer, 'star', at)
          : await cache.unblock('star', viewer, at)
        : i % 4 === 0
          ? await cache.unfollow(viewer, 'star', at)
          : await cache.block('star', viewer, at);
      expect(changed === true || changed === 'changed', `${viewer} ${i}`).toBe(true);
      truth.resolved = i;
      // Some are read often before the next edit, some not at all.
      for (const until = truth.reads + random(8); truth.reads < until;) await nextTurn();
    }
    editing--;
  }

  async function read(): Promise<void> {
    while (editing > 0) {
      const viewer = `v${random(VIEWERS)}`;
      const truth = truths.get(viewer)!;
      const from = truth.resolved;
      const roster = await anyNode().cache.rosterOf(viewer);
      const possible = truth.states.slice(from, truth.begun + 1);
      expect(possible, `${viewer} between edits ${from} and ${truth.begun}`).toContain(roster.length === 1);
      truth.reads++;
      await turns(2);
    }
  }

  await Promise.all([
    ...[...truths].map(([viewer, truth]) => edit(viewer, truth)),
    ...Array.from({ length: READERS }, read),
  ]);
  for (const viewer of truths.keys())
    for (const { cache } of nodes)
      expect(await cache.rosterOf(viewer)).toEqual(await shared.rosterOf(viewer));
  // What they read was kept, and thrown away.
  expect(nodes[0]!.hits).toBeGreaterThan(100);
  expect(nodes[1]!.hits).toBeGreaterThan(100);
  for (const node of nodes) await node.close();
});
