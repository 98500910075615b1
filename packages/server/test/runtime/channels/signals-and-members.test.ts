import { describe, expect, it } from 'vitest';
import { channelSpec, createChannelHarness } from './channel-harness.ts';

const cursor = channelSpec('cursor:{doc}', { kind: 'signal', slow: 'conflate' });
const room = channelSpec('room:{id}', { members: true });

describe('signals', () => {
  it('[SIG1] the first goes out at once, the latest of each session and key after the interval', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [cursor] });
    const ann = await logIn('ann');
    const bob = await logIn('bob');
    for (const client of [ann, bob]) client.send({ t: 'sub', c: 'cursor:1', i: 1 });
    await clock.settle();
    bob.take();
    const id = ann.last('token')?.['session'];
    for (let x = 1; x <= 5; x++) ann.send({ t: 'pub', c: 'cursor:1', d: { x } });
    ann.send({ t: 'pub', c: 'cursor:1', k: 'tool', d: 'pen' });
    await clock.settle();
    expect(bob.take()).toEqual([{ t: 'sig', c: 'cursor:1', ss: [{ id, by: 'ann', d: { x: 1 } }] }]);
    await clock.advance(50);
    expect(bob.take()).toEqual([
      {
        t: 'sig',
        c: 'cursor:1',
        ss: [
          { id, by: 'ann', d: { x: 5 } },
          { id, by: 'ann', k: 'tool', d: 'pen' },
        ],
      },
    ]);
  });

  it('[SIG2] of an invisible user nobody is sent signals, and the sender cannot tell', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [cursor] });
    const ann = await logIn('ann', { s: 'Invisible' });
    const bob = await logIn('bob');
    bob.send({ t: 'sub', c: 'cursor:1', i: 1 });
    await clock.settle();
    bob.take();
    ann.take();
    ann.send({ t: 'pub', c: 'cursor:1', d: 1, i: 2 });
    await clock.advance(100);
    expect(ann.take()).toEqual([{ t: 'ok', i: 2 }]);
    expect(bob.take()).toEqual([]);
    ann.send({ t: 'statusUpdate', s: 'Online' });
    await clock.settle();
    ann.send({ t: 'pub', c: 'cursor:1', d: 2 });
    await clock.advance(100);
    expect(bob.take()).toMatchObject([{ t: 'sig', ss: [{ by: 'ann', d: 2 }] }]);
  });
});

describe('members', () => {
  it('[MEM1] a user comes in with the first session and leaves with the last; the grace keeps them in', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [room] });
    const bob = await logIn('bob');
    bob.send({ t: 'sub', c: 'room:1', i: 1 });
    await clock.settle();
    bob.take();
    const phone = await logIn('ann');
    const desk = await logIn('ann');
    for (const client of [phone, desk]) client.send({ t: 'sub', c: 'room:1', i: 1 });
    await clock.settle();
    expect(bob.take()).toEqual([{ t: 'join', c: 'room:1', id: 'ann' }]);
    bob.send({ t: 'members', c: 'room:1', i: 2 });
    await clock.settle();
    expect(bob.take()).toEqual([{ t: 'ok', i: 2, ids: ['ann', 'bob'], n: 2 }]);
    phone.send({ t: 'unsub', c: 'room:1', i: 3 });
    desk.drop();
    await clock.advance(30_000);
    expect(bob.take().filter(({ t }) => t !== 'hb')).toEqual([]);
    await clock.advance(31_000);
    expect(bob.take().filter(({ t }) => t !== 'hb')).toEqual([{ t: 'leave', c: 'room:1', id: 'ann' }]);
  });

  it('[MEM2] who turns invisible leaves, and comes in when they turn visible', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [room] });
    const bob = await logIn('bob');
    const ann = await logIn('ann', { s: 'Invisible' });
    for (const client of [bob, ann]) client.send({ t: 'sub', c: 'room:1', i: 1 });
    await clock.settle();
    bob.take();
    bob.send({ t: 'members', c: 'room:1', i: 2 });
    await clock.settle();
    expect(bob.take()).toEqual([{ t: 'ok', i: 2, ids: ['bob'], n: 1 }]);
    ann.send({ t: 'statusUpdate', s: 'Away' });
    await clock.advance(100);
    expect(bob.take()).toEqual([{ t: 'join', c: 'room:1', id: 'ann' }]);
    ann.send({ t: 'statusUpdate', s: 'Invisible' });
    await clock.advance(100);
    expect(bob.take()).toEqual([{ t: 'leave', c: 'room:1', id: 'ann' }]);
  });

  it('[CHN6] a channel that is not named again within 30 s of a resume has ended', async () => {
    const { logIn, clock, node } = await createChannelHarness({ channels: [room] });
    const bob = await logIn('bob');
    const ann = await logIn('ann');
    for (const client of [bob, ann]) client.send({ t: 'sub', c: 'room:1', i: 1 });
    await clock.settle();
    ann.drop();
    await clock.advance(1_000);
    await logIn('ann', { resume: ann.last('token')?.['token'] });
    await clock.advance(29_000);
    bob.take();
    expect(node.counts()).toMatchObject({ subscriptions: 2 });
    await clock.advance(2_000);
    expect(bob.take()).toContainEqual({ t: 'leave', c: 'room:1', id: 'ann' });
    expect(node.counts()).toMatchObject({ subscriptions: 1 });
  });
});
