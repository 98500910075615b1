import { describe, expect, it } from 'vitest';
import { channelSpec, createChannelHarness } from './channel-harness.ts';

const stream = channelSpec('chat:{room}');

describe('streams', () => {
  it('[REC2] a subscribe reply carries the position even of an empty channel', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    expect(ann.take()).toEqual([{ t: 'ok', i: 1, e: expect.any(String), o: 0 }]);
  });

  it('[REC3] publications arrive in order, the own included, behind the reply that names their offset', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    const bob = await logIn('bob');
    for (const client of [ann, bob]) client.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    ann.take();
    bob.take();
    ann.send({ t: 'pub', c: 'chat:a', d: { n: 1 }, i: 2 });
    ann.send({ t: 'pub', c: 'chat:a', d: { n: 2 }, i: 3 });
    await clock.settle();
    const live = (o: number) => ({ t: 'p', c: 'chat:a', o, ts: clock.nowMs(), by: 'ann', d: { n: o } });
    expect(bob.take()).toEqual([live(1), live(2)]);
    const e = expect.any(String);
    expect(ann.take()).toEqual([live(1), { t: 'ok', i: 2, e, o: 1 }, live(2), { t: 'ok', i: 3, e, o: 2 }]);
  });

  it('[PUB4] with echo:false the publisher is told the place of its own and not the payload', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: 'x', i: 2, echo: false });
    await clock.settle();
    expect(ann.take()[0]).toEqual({ t: 'p', c: 'chat:a', o: 1, own: true, i: 2 });
  });

  it('[REC1] a position gets all that was missed, then live publications, without gap or repeat', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    const bob = await logIn('bob');
    bob.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    const e = bob.last('ok')?.['e'];
    for (let n = 1; n <= 5; n++) ann.send({ t: 'pub', c: 'chat:a', d: n });
    await clock.settle();
    bob.drop();
    for (let n = 6; n <= 9; n++) ann.send({ t: 'pub', c: 'chat:a', d: n });
    await clock.settle();
    const back = await logIn('bob', { resume: bob.last('token')?.['token'] });
    back.take();
    back.send({ t: 'sub', c: 'chat:a', i: 7, e, o: 5 });
    await clock.settle();
    ann.send({ t: 'pub', c: 'chat:a', d: 10 });
    await clock.settle();
    const [ok, replay, live] = back.take();
    expect(ok).toEqual({ t: 'ok', i: 7, e, o: 9, rec: true });
    expect(replay).toMatchObject({
      t: 'ps',
      c: 'chat:a',
      ps: [6, 7, 8, 9].map((n) => ({ o: n, d: n, by: 'ann' })),
    });
    expect(live).toMatchObject({ t: 'p', o: 10, d: 10 });
  });

  it.each([
    ['epoch', { e: 'another', o: 1 }],
    ['ahead', { o: 1_000 }],
    ['trimmed', { o: 1 }],
  ] as const)('[REC1] a position that cannot be recovered from is told why: %s', async (why, position) => {
    const few = channelSpec('chat:{room}', { retention: { ...stream.retention, count: 3 } });
    const { logIn, clock } = await createChannelHarness({ channels: [few] });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    for (let n = 1; n <= 9; n++) ann.send({ t: 'pub', c: 'chat:a', d: n });
    await clock.settle();
    const e = ann.last('ok')?.['e'];
    const bob = await logIn('bob');
    bob.take();
    bob.send({ t: 'sub', c: 'chat:a', i: 2, e, ...position });
    await clock.settle();
    expect(bob.take()).toEqual([{ t: 'ok', i: 2, e, o: 9, rec: false, why }]);
  });

  it('[REC5] last and since begin with what is kept', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    for (let n = 1; n <= 5; n++) {
      ann.send({ t: 'pub', c: 'chat:a', d: n });
      await clock.advance(1_000);
    }
    const since = clock.nowMs() - 2_500;
    const bob = await logIn('bob');
    bob.take();
    bob.send({ t: 'sub', c: 'chat:a', i: 1, last: 2 });
    await clock.settle();
    expect(bob.take()).toMatchObject([
      { t: 'ok', o: 5 },
      { t: 'ps', ps: [{ o: 4 }, { o: 5 }] },
    ]);
    const cem = await logIn('cem');
    cem.take();
    cem.send({ t: 'sub', c: 'chat:a', i: 1, since });
    await clock.settle();
    expect(cem.take()).toMatchObject([
      { t: 'ok', o: 5 },
      { t: 'ps', ps: [{ o: 4 }, { o: 5 }] },
    ]);
  });

  it('[REC7] the history is read both ways, in pages', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    for (let n = 1; n <= 5; n++) ann.send({ t: 'pub', c: 'chat:a', d: n });
    await clock.settle();
    ann.take();
    ann.send({ t: 'hist', c: 'chat:a', i: 1, n: 2 });
    ann.send({ t: 'hist', c: 'chat:a', i: 2, n: 2, o: 2 });
    ann.send({ t: 'hist', c: 'chat:a', i: 3, n: 2, rev: true });
    ann.send({ t: 'hist', c: 'chat:a', i: 4, n: 9, o: 4, rev: true });
    ann.send({ t: 'hist', c: 'chat:a', i: 5, e: 'over', o: 4 });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { i: 1, ps: [{ o: 1 }, { o: 2 }], more: true, o: 5 },
      { i: 2, ps: [{ o: 3 }, { o: 4 }], more: true },
      { i: 3, ps: [{ o: 5 }, { o: 4 }], more: true },
      { i: 4, ps: [{ o: 3 }, { o: 2 }, { o: 1 }], more: false },
      { t: 'err', i: 5, code: 'conflict', o: 5 },
    ]);
  });

  it('[PUB2] an id publishes once; with another payload it is refused', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: 1, id: 'x', i: 1 });
    ann.send({ t: 'pub', c: 'chat:a', d: 1, id: 'x', i: 2 });
    ann.send({ t: 'pub', c: 'chat:a', d: 2, id: 'x', i: 3 });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { t: 'ok', i: 1, o: 1 },
      { t: 'ok', i: 2, o: 1, dup: true },
      { t: 'err', i: 3, code: 'id_reused' },
    ]);
  });

  it('[PUB3] an append that expects another position is refused with the present one', async () => {
    const { logIn, clock } = await createChannelHarness({ channels: [stream] });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: 1, e: 'any', o: 0, i: 1 });
    await clock.settle();
    const e = ann.last('ok')?.['e'];
    ann.send({ t: 'pub', c: 'chat:a', d: 2, e, o: 0, i: 2 });
    ann.send({ t: 'pub', c: 'chat:a', d: 2, e, o: 1, i: 3 });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { t: 'ok', i: 1, o: 1 },
      { t: 'err', i: 2, code: 'conflict', e, o: 1 },
      { t: 'ok', i: 3, o: 2 },
    ]);
  });

  it('[PUB5] what waits for a slow schema is taken in the order in which it was sent', async () => {
    const waits: (() => void)[] = [];
    const slow = channelSpec('chat:{room}', {
      validate: (value) =>
        value === 'slow'
          ? new Promise((resolve) => waits.push(() => resolve({ ok: true, value })))
          : { ok: true, value },
    });
    const { logIn, clock } = await createChannelHarness({ channels: [slow] });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: 'slow' });
    ann.send({ t: 'pub', c: 'chat:a', d: 'quick' });
    ann.send({ t: 'pub', c: 'chat:b', d: 'elsewhere', i: 2 });
    await clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'ok', i: 2 }]);
    for (const go of waits) go();
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { o: 1, d: 'slow' },
      { o: 2, d: 'quick' },
    ]);
  });

  it('[PUB5] more than may wait is refused, and does not overtake', async () => {
    const waits: (() => void)[] = [];
    const slow = channelSpec('chat:{room}', {
      validate: (value) => new Promise((resolve) => waits.push(() => resolve({ ok: true, value }))),
    });
    const { logIn, clock } = await createChannelHarness({
      channels: [slow],
      settings: { publicationsInFlight: 3 },
    });
    const ann = await logIn('ann');
    ann.take();
    for (let i = 1; i <= 4; i++) ann.send({ t: 'pub', c: 'chat:a', d: i, i });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { t: 'err', code: 'rate_limited', i: 4, retryAfterMs: expect.any(Number) },
    ]);
    for (let n = 0; n < 3; n++) {
      waits[n]?.();
      await clock.settle();
    }
    expect(ann.take()).toMatchObject([
      { i: 1, o: 1 },
      { i: 2, o: 2 },
      { i: 3, o: 3 },
    ]);
  });

  it('[PUB6] the rate of a channel and the size of a payload are limited', async () => {
    const tight = channelSpec('chat:{room}', { rate: { perSecond: 1, burst: 2 }, payloadUnits: 10 });
    const { logIn, clock } = await createChannelHarness({ channels: [tight] });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: '12345678', i: 1 });
    ann.send({ t: 'pub', c: 'chat:a', d: '123456789', i: 2 });
    ann.send({ t: 'pub', c: 'chat:a', d: 'x', i: 3 });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { t: 'ok', i: 1 },
      { t: 'err', i: 2, code: 'too_large' },
      { t: 'err', i: 3, code: 'rate_limited', retryAfterMs: 1_000 },
    ]);
  });
});
