import { expect, it } from 'vitest';
import type { Directory } from '../../src/ports/directory.ts';
import { type BareClient, type Harness, createHarness } from './harness.ts';

const beats = (client: BareClient) => client.take().filter((message) => message.t !== 'hb');

/** Counts what a node reads of its directory in each turn of the loop. */
function countReads(
  directory: Directory,
  clock: Harness['clock'],
): { counting: Directory; edgesATurn: number[]; stop(): void } {
  const edgesATurn = [0];
  let running = true;
  const count = (edges: number): void => {
    edgesATurn[edgesATurn.length - 1]! += edges;
  };
  const tick = (): void => {
    edgesATurn.push(0);
    if (running) clock.defer(tick);
  };
  // Before whatever the node defers in the same turn, and so the first to run in each.
  clock.defer(tick);
  return {
    edgesATurn,
    stop() {
      running = false;
    },
    counting: {
      ...directory,
      async rosterOf(viewer) {
        const edges = await directory.rosterOf(viewer);
        count(edges.length);
        return edges;
      },
      edge(viewer, user) {
        count(1);
        return directory.edge(viewer, user);
      },
    },
  };
}

async function settleAll(h: Harness): Promise<void> {
  for (let i = 0; i < 20; i++) await h.clock.settle();
}

/** Viewers online who follow many each, all of them `star` too if so wanted. */
async function crowd(viewers: number, follows: number, star: boolean) {
  let reads: ReturnType<typeof countReads> | undefined;
  let counting: Directory | undefined;
  const edges = Array.from({ length: viewers }, (_, v) => [
    ...Array.from({ length: follows }, (_, f) => [`v${v}`, `f${f}`] as const),
    ...(star ? [[`v${v}`, 'star'] as const] : []),
  ]).flat();
  const h: Harness = await createHarness({
    follows: edges,
    ports: ({ directory }) => {
      counting = directory;
      return {
        directory: {
          ...directory,
          rosterOf: (viewer) => (counting ?? directory).rosterOf(viewer),
          edge: (viewer, user) => (counting ?? directory).edge(viewer, user),
        },
      };
    },
  });
  await h.node.createUser('star');
  const clients: BareClient[] = [];
  for (let v = 0; v < viewers; v++) clients.push(await h.logIn(`v${v}`, { v: 1 }));
  for (const client of clients) client.take();
  const count = () => {
    reads = countReads(h.directory, h.clock);
    counting = reads.counting;
    return reads;
  };
  return { h, clients, count };
}

it('an import tells nobody whose roster it does not change, and everybody else', async () => {
  const h = await createHarness({
    follows: [
      ['ann', 'cai'],
      ['ben', 'cai'],
    ],
  });
  const ann = await h.logIn('ann');
  const ben = await h.logIn('ben');
  ann.take();
  ben.take();
  await h.node.importEdges([
    ['ann', 'cai'],
    ['ben', 'cai'],
    ['ben', 'dan'],
  ]);
  await h.clock.settle();
  expect(ann.take()).toEqual([]);
  expect(ben.take()).toEqual([
    {
      t: 'sync',
      users: [
        { username: 'cai', s: 'Offline' },
        { username: 'dan', s: 'Offline' },
      ],
    },
  ]);
});

it('an import that concerns many who are online reads few of their rosters in one turn, and all in the end', async () => {
  const { h, clients, count } = await crowd(60, 30, false);
  const reads = count();
  await h.node.importEdges(clients.map((_, v) => [`v${v}`, 'star'] as const));
  await settleAll(h);
  reads.stop();
  for (const client of clients) {
    const syncs = beats(client);
    expect(syncs).toHaveLength(1);
    expect(syncs[0]).toMatchObject({ t: 'sync' });
    expect(syncs[0]?.users).toHaveLength(31);
  }
  expect(reads.edgesATurn.reduce((sum, edges) => sum + edges)).toBe(60 * 31);
  expect(Math.max(...reads.edgesATurn)).toBeLessThanOrEqual(300);
});

it('an erasure of somebody whom many follow reads few edges in one turn, and takes the friend from all', async () => {
  const { h, clients, count } = await crowd(120, 2, true);
  const reads = count();
  const erased = h.node.eraseUser('star');
  // A turn of a real loop ends only when no promise is left to settle, and nobody's share of it is to be that long.
  for (let i = 0; i < 2_000; i++) await Promise.resolve();
  await settleAll(h);
  expect(await erased).toMatchObject({ ok: true });
  reads.stop();
  for (const client of clients) expect(beats(client)).toMatchObject([{ t: 'sync', gone: ['star'] }]);
  expect(reads.edgesATurn.reduce((sum, edges) => sum + edges)).toBe(120);
  expect(Math.max(...reads.edgesATurn)).toBeLessThanOrEqual(30);
});

/** A viewer, bob, whose roster the app's hook gives when the test answers. */
async function hooked() {
  const asked: PromiseWithResolvers<string[]>[] = [];
  let slow = false;
  const h = await createHarness({
    settings: {
      followsOf(user) {
        if (user !== 'bob') return Promise.resolve([]);
        if (!slow) return Promise.resolve(['alice']);
        const answer = Promise.withResolvers<string[]>();
        asked.push(answer);
        return answer.promise;
      },
    },
  });
  const bob = await h.logIn('bob');
  const alice = await h.logIn('alice');
  await h.clock.advance(100);
  bob.take();
  slow = true;
  return { h, bob, alice, asked };
}

it('a refresh asked while the roster is being read is read after it: the newest answer is the one that counts', async () => {
  const { h, bob, alice, asked } = await hooked();
  await h.node.refreshRoster('bob');
  await h.node.refreshRoster('bob');
  await h.node.refreshRoster('bob');
  await h.clock.settle();
  expect(asked).toHaveLength(1);
  asked[0]?.resolve(['alice']);
  await h.clock.settle();
  expect(asked).toHaveLength(2);
  // Not shown before the last answer: it may be about somebody who was unfollowed.
  alice.send({ t: 'statusUpdate', a: 'Secret' });
  await h.clock.advance(200);
  expect(beats(bob)).toEqual([]);
  asked[1]?.resolve([]);
  await h.clock.settle();
  expect(beats(bob)).toEqual([{ t: 'sync', users: [] }]);
  alice.send({ t: 'statusUpdate', a: 'After the unfollow' });
  await h.clock.advance(200);
  expect(beats(bob)).toEqual([]);
  expect(asked).toHaveLength(2);
});

it('a hook that fails during a refresh closes the connection, told no stale roster', async () => {
  const { h, bob, asked } = await hooked();
  await h.node.refreshRoster('bob');
  asked[0]?.reject(new Error('the hook is down'));
  await h.clock.settle();
  expect(beats(bob).filter(({ t }) => t === 'sync')).toEqual([]);
  expect(bob.closeCode).not.toBeNull();
  expect(h.warnings.join()).toContain('roster_read_failed');
});

it('a viewer who leaves while others wait is not read, and keeps nobody waiting', async () => {
  const { h, clients, count } = await crowd(60, 30, false);
  const reads = count();
  const imported = h.node.importEdges(clients.map((_, v) => [`v${v}`, 'star'] as const));
  await imported;
  for (const client of clients.slice(30)) client.drop();
  await settleAll(h);
  reads.stop();
  for (const client of clients.slice(0, 30)) expect(beats(client)).toHaveLength(1);
  expect(reads.edgesATurn.reduce((sum, edges) => sum + edges)).toBeLessThan(50 * 31);
});

it('a follow that comes alone is told in the same turn', async () => {
  const h = await createHarness();
  const ann = await h.logIn('ann');
  await h.logIn('ben');
  ann.take();
  await h.node.follow('ann', 'ben');
  await h.clock.settle();
  expect(ann.take()).toEqual([{ t: 'o', id: 'ben', s: 'Online' }]);
});
