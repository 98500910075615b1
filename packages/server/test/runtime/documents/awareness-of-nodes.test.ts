import { describe, expect, it } from 'vitest';
import type { BareClient, Wire } from '../harness.ts';
import { createManyNodes, GRACE_MS, type ManyNodes } from '../channels/many-nodes.ts';
import { documentPorts, documentSpec } from './document-harness.ts';

type Item = {
  readonly cl: number;
  readonly n: number;
  readonly by?: string;
  readonly d?: { readonly x: unknown };
};

const open = (...names: string[]): Promise<ManyNodes> =>
  createManyNodes(names, {
    channels: [documentSpec('doc:{id}')],
    decide: () => ({ allow: true, untilMs: null, role: 'read' }),
    settings: { heartbeatMs: 3_600_000 },
    extra: documentPorts(),
  });

async function join(
  nodes: ManyNodes,
  node: string,
  user: string,
  cl: number[],
  extra = {},
): Promise<BareClient> {
  const client = await nodes.node(node).logIn(user, extra);
  client.send({ t: 'sub', c: 'doc:1', cl, i: 1 });
  await nodes.clock.advance(100);
  return client;
}

const at = (cl: number, n: number, x: unknown): object => ({ t: 'aw', c: 'doc:1', cl, n, d: { x } });

/** What a client of Yjs makes of all that it was told: an older clock counts nothing. */
function shown(client: BareClient): Record<string, unknown> {
  let states = new Map<number, Item>();
  for (const { t, ss, all } of client.received as readonly Wire[]) {
    if (t !== 'aw') continue;
    const items = ss as readonly Item[];
    if (all === true) states = new Map([...states].filter(([cl]) => items.some((item) => item.cl === cl)));
    for (const item of items) {
      const known = states.get(item.cl);
      if (known === undefined || item.n > known.n || (item.n === known.n && item.d === undefined))
        states.set(item.cl, item);
    }
  }
  return Object.fromEntries(
    [...states.values()].flatMap(({ cl, by, d }) => (d === undefined ? [] : [[`${String(by)}@${cl}`, d.x]])),
  );
}

/** Client ids that were told to be over since the last time. */
function ends(client: BareClient): number[] {
  return client
    .take()
    .filter(({ t }) => t === 'aw')
    .flatMap(({ ss }) => (ss as readonly Item[]).flatMap(({ cl, d }) => (d === undefined ? [cl] : [])));
}

describe('[DOC6] awareness on many nodes', () => {
  it('goes to everybody on every node, and whoever joins on another is told of all', async () => {
    const nodes = await open('a', 'b', 'c');
    const [ann, bob] = [await join(nodes, 'a', 'ann', [1]), await join(nodes, 'b', 'bob', [2])];
    ann.send(at(1, 1, 'a'));
    bob.send(at(2, 1, 'b'));
    await nodes.clock.advance(200);
    const all = { 'ann@1': 'a', 'bob@2': 'b' };
    for (const client of [ann, bob]) expect(shown(client)).toEqual(all);
    expect(shown(await join(nodes, 'c', 'cat', [3]))).toEqual(all);
    ann.send({ t: 'logout' });
    await nodes.clock.advance(200);
    expect(shown(bob)).toEqual({ 'bob@2': 'b' });
  });

  it('of a node that is gone stays until the grace is over; whoever went on elsewhere stays without a flicker', async () => {
    const nodes = await open('a', 'b', 'c');
    const ann = await join(nodes, 'a', 'ann', [1]);
    const ghost = await join(nodes, 'a', 'ghost', [2]);
    ann.send(at(1, 7, 'a'));
    ghost.send(at(2, 7, 'g'));
    const watchers = [await join(nodes, 'b', 'bob', [3]), await join(nodes, 'c', 'cat', [4])];
    await nodes.clock.advance(100);
    nodes.node('a').cutOff();
    for (const client of watchers) ends(client);
    const back = await join(nodes, 'b', 'ann', [1], { resume: ann.last('token')?.['token'] });
    for (let passed = 0; passed < GRACE_MS - 2_000; passed += 1_000) {
      await nodes.clock.advance(1_000);
      for (const client of watchers)
        expect(shown(client), `${passed} ms`).toEqual({ 'ann@1': 'a', 'ghost@2': 'g' });
    }
    await nodes.clock.advance(45_000);
    for (const client of watchers) {
      expect(ends(client)).toEqual([2]);
      expect(shown(client)).toEqual({ 'ann@1': 'a' });
    }
    // A clock of its own, lower than the one before.
    back.send(at(1, 1, 'again'));
    await nodes.clock.advance(200);
    for (const client of watchers) expect(shown(client)).toEqual({ 'ann@1': 'again' });
  });

  it('a session that went on elsewhere takes nothing along when its copy here ends', async () => {
    const nodes = await open('a', 'b');
    const ann = await join(nodes, 'a', 'ann', [1]);
    ann.send(at(1, 1, 'a'));
    const bob = await join(nodes, 'a', 'bob', [2]);
    ann.drop();
    await join(nodes, 'b', 'ann', [1], { resume: ann.last('token')?.['token'] });
    ends(bob);
    await nodes.clock.advance(2 * GRACE_MS);
    expect(ends(bob)).toEqual([]);
    expect(shown(bob)).toEqual({ 'ann@1': 'a' });
  });

  it('what was lost between nodes is made good within 21 s', async () => {
    const nodes = await open('a', 'b');
    const ann = await join(nodes, 'a', 'ann', [1]);
    const cat = await join(nodes, 'a', 'cat', [3]);
    const bob = await join(nodes, 'b', 'bob', [2]);
    cat.send(at(3, 1, 'c'));
    await nodes.clock.advance(200);
    nodes.node('b').loseNext(1_000);
    ann.send(at(1, 1, 'a'));
    cat.send({ t: 'unsub', c: 'doc:1' });
    await nodes.clock.advance(200);
    nodes.node('b').loseNext(0);
    expect(shown(bob)).toEqual({ 'cat@3': 'c' });
    await nodes.clock.advance(21_000);
    expect(shown(bob)).toEqual({ 'ann@1': 'a' });
  });

  it('a client id that somebody speaks by on one node is taken on every other', async () => {
    const nodes = await open('a', 'b');
    const ann = await join(nodes, 'a', 'ann', [1]);
    ann.send(at(1, 1, 'a'));
    await nodes.clock.advance(100);
    await join(nodes, 'b', 'cat', []);
    const bob = await join(nodes, 'b', 'bob', [1]);
    expect(bob.last('err')).toMatchObject({ i: 1, code: 'client_id_taken' });
  });

  it('of an invisible user nothing reaches another node', async () => {
    const nodes = await open('a', 'b');
    const ann = await join(nodes, 'a', 'ann', [1]);
    ann.send(at(1, 1, 'a'));
    const bob = await join(nodes, 'b', 'bob', [2]);
    ann.send({ t: 'statusUpdate', s: 'Invisible' });
    await nodes.clock.advance(300);
    ann.send(at(1, 2, 'hidden'));
    await nodes.clock.advance(25_000);
    expect(shown(bob)).toEqual({});
    expect(JSON.stringify(bob.received)).not.toContain('hidden');
    ann.send({ t: 'statusUpdate', s: 'Online' });
    await nodes.clock.advance(300);
    expect(shown(bob)).toEqual({ 'ann@1': 'hidden' });
  });
});
