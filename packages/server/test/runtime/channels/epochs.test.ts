import { describe, expect, it } from 'vitest';
import { channelSpec } from './channel-harness.ts';
import { createManyNodes } from './many-nodes.ts';

const channels = [channelSpec('board:{id}', { kind: 'map' }), channelSpec('chat:{room}')];

/** Within this a node compares what it delivered with the log. */
const COMPARED_MS = 20_000;

describe('a channel that went on, or began anew, behind the back of its node', () => {
  it('[REC6] whoever subscribes in the new epoch of a map is told of it once, and sent what comes', async () => {
    const { node, clock, cluster } = await createManyNodes(['n1'], { channels });
    const { logIn, node: n1 } = node('n1');
    const [ann, bob] = [await logIn('ann'), await logIn('bob')];
    ann.send({ t: 'sub', c: 'board:1', i: 1 });
    await n1.publish({ channel: 'board:1', key: 'a', data: 1 });
    await clock.settle();
    ann.take();
    bob.take();
    cluster.empty();
    bob.send({ t: 'sub', c: 'board:1', i: 1 });
    await clock.settle();
    const [begun] = bob.take();
    expect(begun).toMatchObject({ t: 'ok', i: 1, o: 0, es: [] });
    await clock.advance(COMPARED_MS);
    expect(bob.take().filter(({ t }) => t === 'gap')).toEqual([]);
    expect(ann.take().filter(({ t }) => t === 'gap')).toMatchObject([
      { why: 'epoch', e: begun?.['e'], o: 0 },
    ]);
    await n1.publish({ channel: 'board:1', key: 'b', data: 2 });
    await clock.settle();
    expect(bob.take()).toMatchObject([{ t: 'p', c: 'board:1', k: 'b', o: 1 }]);
  });

  it('[REC6] and of a stream everybody on the node is told as soon as one has read it', async () => {
    const { node, clock, cluster } = await createManyNodes(['n1'], { channels });
    const { logIn, node: n1 } = node('n1');
    const [ann, bob] = [await logIn('ann'), await logIn('bob')];
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await n1.publish({ channel: 'chat:a', data: 1 });
    await clock.settle();
    ann.take();
    bob.take();
    cluster.empty();
    bob.send({ t: 'sub', c: 'chat:a', i: 1, last: 10 });
    await clock.settle();
    const [begun] = bob.take();
    expect(begun).toMatchObject({ t: 'ok', i: 1, o: 0 });
    expect(ann.take()).toMatchObject([{ t: 'gap', why: 'epoch', e: begun?.['e'], o: 0 }]);
    await clock.advance(COMPARED_MS);
    await n1.publish({ channel: 'chat:a', data: 2 });
    await clock.settle();
    for (const client of [ann, bob])
      expect(client.take().filter(({ t }) => t === 'p' || t === 'gap')).toMatchObject([{ t: 'p', o: 1 }]);
  });

  it('[REC6] whoever joined behind what their node lost is not told that it was dropped, and sent what comes', async () => {
    const retention = { count: 2, ageMs: 3_600_000, units: 1_000_000, keys: 1_000, onceMs: 300_000 };
    const { node, clock } = await createManyNodes(['n1', 'n2'], {
      channels: [channelSpec('board:{id}', { kind: 'map', retention })],
    });
    const [n1, n2] = [node('n1'), node('n2')];
    const [ann, bob] = [await n1.logIn('ann'), await n1.logIn('bob')];
    ann.send({ t: 'sub', c: 'board:1', i: 1 });
    await clock.settle();
    ann.take();
    bob.take();
    n1.loseNext(5);
    for (let data = 1; data <= 5; data++) await n2.node.publish({ channel: 'board:1', key: 'a', data });
    await clock.settle();
    bob.send({ t: 'sub', c: 'board:1', i: 1 });
    await clock.settle();
    expect(bob.take()).toMatchObject([{ t: 'ok', i: 1, o: 5 }]);
    await clock.advance(COMPARED_MS);
    expect(ann.take().filter(({ t }) => t === 'gap')).toMatchObject([{ why: 'dropped', o: 5 }]);
    expect(bob.take().filter(({ t }) => t === 'gap')).toEqual([]);
    await n2.node.publish({ channel: 'board:1', key: 'b', data: 6 });
    await clock.settle();
    expect(bob.take()).toMatchObject([{ t: 'p', k: 'b', o: 6 }]);
  });
});
