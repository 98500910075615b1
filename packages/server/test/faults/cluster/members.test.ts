import { afterEach, describe, expect, it } from 'vitest';
import { type BareClient, connectBare } from '../../wire/scene/bare-client.ts';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';

const CONTRACT = new URL('../../../../contract/src/index.ts', import.meta.url).href;

const CONFIG = `
import { defineContract, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
export default {
  contract: defineContract({ channels: { 'room:{id}': stream({ data, durability: 'memory', members: true }) } }),
  authorize: { 'room:{id}': () => true },
};
`;

const ROOM = 'room:1';

let scene: ClusterScene;
afterEach(() => scene.close());

const open = async (): Promise<void> => {
  scene = await openClusterScene({
    configModule: CONFIG,
    settings: { CARILLON_SESSIONS_GRACE_MS: '3000', CARILLON_REDIS_LEASE_MS: '3000' },
  });
};

async function enter(node: number, user: string, extra: object = {}): Promise<BareClient> {
  const client = await connectBare(scene.nodes[node]!.port);
  await client.logIn(user, extra);
  await subscribe(client);
  return client;
}

async function subscribe(client: BareClient): Promise<void> {
  client.send({ t: 'sub', c: ROOM, i: 1 });
  await client.waitFor('the answer to sub', ({ t, i }) => t === 'ok' && i === 1);
}

const came = (client: BareClient, user: string) =>
  client.waitFor(`${user} comes`, ({ t, id }) => t === 'join' && id === user);
const left = (client: BareClient, user: string) =>
  client.waitFor(`${user} leaves`, ({ t, id }) => t === 'leave' && id === user);

/** Who came and went, as the client was told from the beginning. */
const told = ({ received }: BareClient): string[] =>
  received
    .filter(({ t }) => t === 'join' || t === 'leave')
    .map(({ t, id }) => `${t === 'join' ? '+' : '-'}${String(id)}`);

async function list(client: BareClient): Promise<unknown> {
  client.take();
  client.send({ t: 'members', c: ROOM, i: 2 });
  const { ids, n } = await client.waitFor('the members', ({ t, i }) => t === 'ok' && i === 2);
  return { ids, n };
}

describe('members on three nodes over a real Redis', () => {
  it('[MEM1] whose session goes on on another node is not seen to leave, nor to come', async () => {
    await open();
    const bob = await enter(2, 'bob');
    const ann = await enter(0, 'ann');
    const cid = await enter(0, 'cid');
    for (const user of ['ann', 'cid']) await came(bob, user);
    ann.drop();
    const again = await connectBare(scene.nodes[1]!.port);
    await again.logIn('ann', { resume: ann.resumeToken });
    await subscribe(again);
    // Cid goes behind her, from the same node, and does not come back: when he has left, her old place has run out, too.
    cid.drop();
    await left(bob, 'cid');
    expect(await list(bob)).toEqual({ ids: ['ann', 'bob'], n: 2 });
    again.send({ t: 'logout' });
    await left(bob, 'ann');
    expect(told(bob).slice(-4)).toEqual(['+ann', '+cid', '-cid', '-ann']);
  });

  it('[MEM1] of a node that was killed those who came back elsewhere stay, and the others leave once', async () => {
    await open();
    const bob = await enter(1, 'bob');
    const dan = await enter(2, 'dan');
    const ann = await enter(0, 'ann');
    const cid = await enter(0, 'cid');
    for (const client of [bob, dan]) for (const user of ['ann', 'cid']) await came(client, user);
    await scene.nodes[0]!.end('SIGKILL');
    await Promise.all([ann.closed, cid.closed]);
    const again = await connectBare(scene.nodes[1]!.port);
    await again.logIn('ann', { resume: ann.resumeToken });
    await subscribe(again);
    for (const client of [bob, dan]) {
      await left(client, 'cid');
      expect(await list(client)).toEqual({ ids: ['ann', 'bob', 'dan'], n: 3 });
      expect(told(client).slice(-3)).toEqual(['+ann', '+cid', '-cid']);
    }
    again.send({ t: 'unsub', c: ROOM });
    for (const client of [bob, dan]) await left(client, 'ann');
  });

  it('[MEM1] when Redis is emptied nobody is seen to come or to go, and who counts is right in the end', async () => {
    await open();
    const bob = await enter(2, 'bob');
    const ann = await enter(0, 'ann');
    const cid = await enter(1, 'cid');
    for (const user of ['ann', 'cid']) await came(bob, user);
    await scene.redis.run('FLUSHALL');
    // Each node finds it with its next comparison, and tells those who count there.
    await Promise.all(
      [ann, bob, cid].map((client) =>
        client.waitFor('a gap', ({ t, c, o }) => t === 'gap' && c === ROOM && o === undefined),
      ),
    );
    let members = await list(bob);
    while ((members as { n: number }).n !== 3) {
      await bob.waitFor('another gap', ({ t, c, o }) => t === 'gap' && c === ROOM && o === undefined);
      members = await list(bob);
    }
    expect(members).toEqual({ ids: ['ann', 'bob', 'cid'], n: 3 });
    expect(told(bob).slice(-2)).toEqual(['+ann', '+cid']);
    cid.send({ t: 'unsub', c: ROOM });
    await left(bob, 'cid');
  });
});
