import { describe, expect, it } from 'vitest';
import type { BareClient, Wire } from '../harness.ts';
import { channelSpec } from './channel-harness.ts';
import { GRACE_MS, LEASE_MS, type ManyNodes, createManyNodes } from './many-nodes.ts';

const room = channelSpec('room:{id}', { members: true });
const cursor = channelSpec('cursor:{id}', { kind: 'signal', members: true, slow: 'conflate' });
const ROOM = 'room:1';

const open = (...names: string[]) =>
  createManyNodes(names, {
    channels: [room, cursor],
    // A heartbeat is none of the messages that these tests are about.
    settings: { heartbeatMs: 3_600_000 },
  });

async function enter(nodes: ManyNodes, node: string, user: string, extra: object = {}, channel = ROOM) {
  const client = await nodes.node(node).logIn(user, extra);
  client.send({ t: 'sub', c: channel, i: 1 });
  await nodes.clock.settle();
  return client;
}

/** Who came and went, as the client was told since it was asked last. */
function members(client: BareClient): string[] {
  return client
    .take()
    .filter(({ t }) => t === 'join' || t === 'leave' || t === 'gap')
    .map(({ t, id, why }) => `${t} ${String(id ?? why)}`);
}

async function list(nodes: ManyNodes, client: BareClient): Promise<Wire | undefined> {
  client.send({ t: 'members', c: ROOM, i: 9 });
  await nodes.clock.settle();
  return client.last('ok');
}

/** What a client makes of the number that it was told, and of who came and went behind it ([MEM1]). */
function counted(client: BareClient, channel = ROOM): number {
  let n = 0;
  for (const message of client.received) {
    if (message.t === 'ok' && typeof message['n'] === 'number') n = message['n'];
    if (message['c'] !== channel) continue;
    if (message.t === 'join') n++;
    if (message.t === 'leave') n--;
  }
  return n;
}

describe('members on many nodes', () => {
  it('[MEM1] whoever is in by several nodes came once and leaves once; everybody has the same list', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'b', 'bob');
    bob.take();
    const phone = await enter(nodes, 'a', 'ann');
    const desk = await enter(nodes, 'b', 'ann');
    expect(members(bob)).toEqual(['join ann']);
    for (const client of [bob, phone, desk])
      expect(await list(nodes, client)).toMatchObject({ ids: ['ann', 'bob'], n: 2 });
    for (const client of [bob, phone, desk]) expect(counted(client)).toBe(2);
    phone.send({ t: 'unsub', c: ROOM, i: 2 });
    await nodes.clock.settle();
    expect(members(bob)).toEqual([]);
    desk.send({ t: 'unsub', c: ROOM, i: 2 });
    await nodes.clock.settle();
    expect(members(bob)).toEqual(['leave ann']);
    expect(await nodes.node('a').node.members(ROOM, null, 10)).toMatchObject({
      ok: true,
      value: { users: ['bob'], count: 1, next: null },
    });
    expect(await nodes.node('a').node.channelInfo(ROOM)).toMatchObject({ ok: true, value: { members: 1 } });
  });

  it('[MEM1] the number that a `sub` is told counts all nodes, and each join and leave behind it', async () => {
    const nodes = await open('a', 'b', 'c');
    for (const user of ['u1', 'u2', 'u3']) await enter(nodes, 'a', user);
    const clients = [];
    for (const node of ['a', 'b', 'c']) clients.push(await enter(nodes, node, `of ${node}`));
    const late = await enter(nodes, 'b', 'late');
    late.send({ t: 'unsub', c: ROOM });
    await nodes.clock.settle();
    for (const client of clients) expect(counted(client)).toBe(6);
  });

  it('[MEM2] who turns invisible leaves on all nodes, once', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'b', 'bob');
    const phone = await enter(nodes, 'a', 'ann', { device: 'phone' });
    await enter(nodes, 'b', 'ann', { device: 'desk' });
    members(bob);
    phone.send({ t: 'statusUpdate', s: 'Invisible' });
    await nodes.clock.advance(200);
    expect(members(bob)).toEqual(['leave ann']);
    phone.send({ t: 'statusUpdate', s: 'Busy' });
    await nodes.clock.advance(200);
    expect(members(bob)).toEqual(['join ann']);
    expect(counted(bob)).toBe(2);
  });

  it('[MEM1] a session that goes on on another node is not seen to leave, nor to come', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'a', 'bob');
    const before = await enter(nodes, 'a', 'ann');
    members(bob);
    before.drop();
    await nodes.clock.advance(1_000);
    const after = await nodes.node('b').logIn('ann', { resume: before.last('token')?.['token'] });
    expect(after.last('token')?.['session']).toBe(before.last('token')?.['session']);
    after.send({ t: 'sub', c: ROOM, i: 2 });
    await nodes.clock.settle();
    // The old node's own copy runs out.
    await nodes.clock.advance(2 * GRACE_MS);
    expect(members(bob)).toEqual([]);
    expect(await list(nodes, bob)).toMatchObject({ ids: ['ann', 'bob'] });
    expect(nodes.node('a').node.counts()).toMatchObject({ subscriptions: 1 });
    after.send({ t: 'logout' });
    await nodes.clock.settle();
    expect(members(bob)).toEqual(['leave ann']);
  });

  it('[MEM1] a session that goes on elsewhere without the channel leaves it in the end', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'a', 'bob');
    const before = await enter(nodes, 'a', 'ann');
    members(bob);
    await nodes.node('b').logIn('ann', { resume: before.last('token')?.['token'] });
    await nodes.clock.advance(GRACE_MS + 5_000);
    expect(members(bob)).toEqual(['leave ann']);
  });

  it('[MEM1] of a node that died those who came back elsewhere stay, and the others leave once', async () => {
    const nodes = await open('a', 'b', 'c', 'd');
    const bob = await enter(nodes, 'b', 'bob');
    const cid = await enter(nodes, 'c', 'cid');
    const [ann] = [await enter(nodes, 'd', 'ann'), await enter(nodes, 'd', 'dan')];
    for (const client of [bob, cid]) members(client);
    const { node } = nodes.node('d');
    nodes.node('d').cutOff();
    await node.stop();
    await nodes.clock.advance(2_000);
    const after = await nodes.node('a').logIn('ann', { resume: ann?.last('token')?.['token'] });
    after.send({ t: 'sub', c: ROOM, i: 2 });
    await nodes.clock.advance(LEASE_MS + GRACE_MS - 5_000);
    for (const client of [bob, cid]) expect(members(client)).toEqual([]);
    await nodes.clock.advance(30_000);
    for (const client of [bob, cid]) {
      expect(members(client)).toEqual(['leave dan']);
      expect(counted(client)).toBe(3);
    }
    expect(await list(nodes, bob)).toMatchObject({ ids: ['ann', 'bob', 'cid'], n: 3 });
  });

  it('[MEM1] [REC6] notices that the broker lost are found, and whoever counts is told to ask', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'b', 'bob');
    members(bob);
    const { clock } = nodes;
    nodes.node('b').loseNext(1);
    await enter(nodes, 'a', 'ann', {}, 'cursor:1');
    members(bob);
    // The presence of ann is watched by nobody here: what is lost is her notice.
    const ann = await nodes.node('a').logIn('ann2');
    await clock.settle();
    nodes.node('b').loseNext(1);
    ann.send({ t: 'sub', c: ROOM, i: 1 });
    await clock.settle();
    expect(members(bob)).toEqual([]);
    expect(counted(bob)).toBe(1);
    await clock.advance(25_000);
    expect(members(bob)).toEqual(['gap dropped']);
    expect(await list(nodes, bob)).toMatchObject({ n: 2 });
    expect(counted(bob)).toBe(2);
    // The next one goes on from there.
    await enter(nodes, 'a', 'cid');
    expect(members(bob)).toEqual(['join cid']);
    expect(counted(bob)).toBe(3);
  });

  it('[REC6] a notice that follows on a lost one is not told as if nothing were missing', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'b', 'bob');
    members(bob);
    const clients = [await nodes.node('a').logIn('ann'), await nodes.node('a').logIn('cid')];
    await nodes.clock.settle();
    nodes.node('b').loseNext(1);
    for (const client of clients) {
      client.send({ t: 'sub', c: ROOM, i: 1 });
      await nodes.clock.settle();
    }
    expect(members(bob)).toEqual(['gap dropped']);
    expect(await list(nodes, bob)).toMatchObject({ n: 3, ids: ['ann', 'bob', 'cid'] });
  });

  it('[MEM1] who comes and goes while the store is away is told once it is back, and only as it is then', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'b', 'bob');
    const ann = await enter(nodes, 'a', 'ann');
    const cid = await enter(nodes, 'a', 'cid');
    members(bob);
    const a = nodes.node('a');
    a.cutOff();
    for (const client of [ann, cid]) client.send({ t: 'unsub', c: ROOM, i: 2 });
    await nodes.clock.advance(3_000);
    expect(members(bob)).toEqual([]);
    expect(a.warnings.some((warning) => warning.startsWith('member_refused'))).toBe(true);
    a.reconnect();
    await nodes.clock.advance(100);
    cid.send({ t: 'sub', c: ROOM, i: 3 });
    await nodes.clock.advance(15_000);
    const told = members(bob);
    expect(told.filter((each) => each.endsWith('ann'))).toEqual(['leave ann']);
    expect(await list(nodes, bob)).toMatchObject({ ids: ['bob', 'cid'], n: 2 });
    expect(counted(bob)).toBe(2);
  });

  it('a store that came back empty is told by every node who is in, and nobody sees anybody come or go', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'b', 'bob');
    await enter(nodes, 'a', 'ann');
    await enter(nodes, 'a', 'cid');
    members(bob);
    nodes.cluster.empty();
    await nodes.clock.advance(30_000);
    const told = members(bob);
    expect(told).toContain('gap dropped');
    expect(told.filter((each) => !each.startsWith('gap'))).toEqual([]);
    expect(await list(nodes, bob)).toMatchObject({ ids: ['ann', 'bob', 'cid'], n: 3 });
  });

  it('[MEM1] nobody leaves with a node that renews between being found overdue and being swept', async () => {
    const nodes = await open('a', 'b');
    const bob = await enter(nodes, 'b', 'bob');
    await enter(nodes, 'a', 'ann');
    members(bob);
    const a = nodes.node('a');
    a.cutOff();
    await nodes.clock.advance(LEASE_MS + GRACE_MS);
    // `b` has found it overdue by now, and waits for its turn to sweep.
    await nodes.clock.advance(1_000);
    a.reconnect();
    await nodes.clock.advance(10_000);
    expect(members(bob)).toEqual([]);
    expect(await list(nodes, bob)).toMatchObject({ ids: ['ann', 'bob'], n: 2 });
  });

  it('signals have members, too, and are compared where there is nothing else to compare', async () => {
    const nodes = await createManyNodes(['a', 'b'], {
      channels: [cursor],
      settings: { heartbeatMs: 3_600_000 },
    });
    const bob = await enter(nodes, 'b', 'bob', {}, 'cursor:1');
    const ann = await nodes.node('a').logIn('ann');
    await nodes.clock.settle();
    nodes.node('b').loseNext(1);
    ann.send({ t: 'sub', c: 'cursor:1', i: 1 });
    members(bob);
    await nodes.clock.advance(25_000);
    expect(members(bob)).toEqual(['gap dropped']);
  });
});

describe('channels that somebody is subscribed to', () => {
  it('are occupied with the first node and vacated with the last', async () => {
    const nodes = await open('a', 'b');
    const ann = await enter(nodes, 'a', 'ann');
    const bob = await enter(nodes, 'b', 'bob');
    expect(nodes.events).toEqual([`a: ${ROOM} occupied`]);
    ann.send({ t: 'unsub', c: ROOM });
    await nodes.clock.settle();
    expect(nodes.events).toHaveLength(1);
    bob.send({ t: 'unsub', c: ROOM });
    await nodes.clock.settle();
    expect(nodes.events).toEqual([`a: ${ROOM} occupied`, `b: ${ROOM} vacated`]);
  });

  it('are vacated when the node is swept that was the last', async () => {
    const nodes = await open('a', 'b', 'c');
    await enter(nodes, 'c', 'ann');
    await enter(nodes, 'c', 'ann', {}, 'room:2');
    await enter(nodes, 'a', 'bob', {}, 'room:2');
    nodes.node('c').cutOff();
    await nodes.node('c').node.stop();
    await nodes.clock.advance(LEASE_MS + GRACE_MS + 30_000);
    const vacated = nodes.events.filter((event) => event.endsWith('vacated'));
    expect(vacated).toHaveLength(1);
    expect(vacated[0]).toContain(ROOM);
  });
});
