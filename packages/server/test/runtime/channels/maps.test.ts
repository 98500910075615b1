import { describe, expect, it } from 'vitest';
import { channelSpec, createChannelHarness } from './channel-harness.ts';

const map = channelSpec('board:{id}', { kind: 'map' });

describe('maps', () => {
  it('[MAP1] a subscribe reply carries the first page, and page reads on behind its last key', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [map] });
    const ann = await logIn('ann');
    for (const k of ['c', 'a', 'b', 'e', 'd']) ann.send({ t: 'pub', c: 'board:1', k, d: k.toUpperCase() });
    await clock.settle();
    const bob = await logIn('bob');
    bob.take();
    bob.send({ t: 'sub', c: 'board:1', i: 1, n: 2 });
    await clock.settle();
    const [first] = bob.take();
    expect(first).toMatchObject({
      t: 'ok',
      i: 1,
      o: 5,
      next: 'b',
      es: [
        { k: 'a', d: 'A', o: 2 },
        { k: 'b', d: 'B', o: 3 },
      ],
    });
    bob.send({ t: 'page', c: 'board:1', i: 2, k: 'b', n: 2 });
    bob.send({ t: 'page', c: 'board:1', i: 3, k: 'd', n: 2 });
    await clock.settle();
    const [second, third] = bob.take();
    expect(second).toMatchObject({ i: 2, next: 'd', es: [{ k: 'c' }, { k: 'd' }] });
    expect(third).toMatchObject({ i: 3, es: [{ k: 'e' }] });
    expect(third).not.toHaveProperty('next');
  });

  it('[MAP2] a deletion is a publication with an offset, and the key is gone from the next page', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [map] });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'board:1', i: 1 });
    ann.send({ t: 'pub', c: 'board:1', k: 'a', d: 1 });
    ann.send({ t: 'pub', c: 'board:1', k: 'a', del: true });
    await clock.settle();
    expect(ann.take().filter(({ t }) => t === 'p')).toMatchObject([
      { k: 'a', o: 1, d: 1 },
      { k: 'a', o: 2, del: true },
    ]);
    ann.send({ t: 'page', c: 'board:1', i: 2 });
    await clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'ok', i: 2, es: [], o: 2 }]);
  });

  it('[MAP3] an older version is dropped and answered so, also behind a deletion', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [map] });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'board:1', k: 'a', d: 'new', ver: 5, i: 1 });
    ann.send({ t: 'pub', c: 'board:1', k: 'a', d: 'same', ver: 5, i: 2 });
    ann.send({ t: 'pub', c: 'board:1', k: 'a', del: true, ver: 7, i: 3 });
    ann.send({ t: 'pub', c: 'board:1', k: 'a', d: 'late', ver: 6, i: 4 });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { i: 1, o: 1 },
      { i: 2, old: true },
      { i: 3, o: 2 },
      { i: 4, old: true },
    ]);
  });

  it('[MAP4] a key that runs out is deleted by a publication of its own, once', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [map] });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'board:1', i: 1 });
    ann.send({ t: 'pub', c: 'board:1', k: 'a', d: 1, ttl: 5_000 });
    ann.send({ t: 'pub', c: 'board:1', k: 'b', d: 2, ttl: 20_000 });
    ann.send({ t: 'pub', c: 'board:1', k: 'a', d: 3, ttl: 10_000 });
    await clock.settle();
    ann.take();
    await clock.advance(9_000);
    expect(ann.take()).toEqual([]);
    await clock.advance(2_000);
    expect(ann.take()).toMatchObject([{ t: 'p', k: 'a', o: 4, del: true }]);
    await clock.advance(15_000);
    expect(ann.take().filter(({ t }) => t === 'p')).toMatchObject([{ t: 'p', k: 'b', o: 5, del: true }]);
  });

  it('[REC1] a map recovers by its changes, and where they are trimmed it is told', async () => {
    const few = channelSpec('board:{id}', { kind: 'map', retention: { ...map.retention, count: 2 } });
    const { logIn, clock } = await createChannelHarness({ channels: [few] });
    const ann = await logIn('ann');
    for (let n = 1; n <= 5; n++) ann.send({ t: 'pub', c: 'board:1', k: `k${n}`, d: n, i: n });
    await clock.settle();
    const e = ann.last('ok')?.['e'];
    const bob = await logIn('bob');
    bob.take();
    bob.send({ t: 'sub', c: 'board:1', i: 1, e, o: 3 });
    await clock.settle();
    expect(bob.take()).toMatchObject([
      { rec: true, o: 5 },
      { t: 'ps', ps: [{ o: 4, k: 'k4' }, { o: 5 }] },
    ]);
    bob.send({ t: 'sub', c: 'board:1', i: 2, e, o: 2 });
    await clock.settle();
    expect(bob.take()).toEqual([{ t: 'ok', i: 2, e, o: 5, rec: false, why: 'trimmed' }]);
  });

  it.each([
    [{ d: 1 }, 'bad_message'],
    [{ k: 'a' }, 'bad_message'],
    [{ k: 'a', d: 1, del: true }, 'bad_message'],
    [{ k: 'a', d: 1, e: 'x' }, 'bad_message'],
  ])('a publication of wrong form is refused: %j', async (wrong, code) => {
    const { logIn, clock } = await createChannelHarness({ channels: [map] });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'board:1', i: 1, ...wrong });
    await clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'err', i: 1, code }]);
  });
});
