import { describe, expect, it } from 'vitest';
import type { ChannelSpec } from '../../src/core/channel/channel-spec.ts';
import type { BareClient, Harness, Wire } from '../runtime/harness.ts';
import { channelSpec, createChannelHarness } from '../runtime/channels/channel-harness.ts';

// The whole runtime under a virtual clock: what a subscriber that stopped reading is told when it reads again.

type Scene = { readonly h: Harness; readonly slow: BareClient; readonly quick: BareClient; epoch: string };

/** `slow` and `quick` are subscribed to `c:1`; `slow` does not read, and its write in flight is publication 1. */
async function stalled(spec: Partial<ChannelSpec>, sub: object = {}): Promise<Scene> {
  const h = await createChannelHarness({ channels: [channelSpec('c:{id}', { heldUnits: 400, ...spec })] });
  const [slow, quick] = [await h.logIn('slow'), await h.logIn('quick')];
  for (const client of [slow, quick]) client.send({ t: 'sub', c: 'c:1', i: 1, ...sub });
  await h.clock.settle();
  const { e } = slow.last('ok')!;
  slow.stall();
  const scene = { h, slow, quick, epoch: String(e) };
  await publish(scene, { k: spec.kind === 'map' ? 'first' : undefined });
  slow.take();
  quick.take();
  return scene;
}

/** A publication whose `p` has about 100 units. */
async function publish({ h, quick }: Scene, fields: object = {}): Promise<void> {
  quick.send({ t: 'pub', c: 'c:1', d: 'x'.repeat(35), ...fields });
  await h.clock.settle();
}

const brief = (messages: readonly Wire[]): unknown[] =>
  messages.map(({ t, o, why, k, i, own }) => {
    if (t === 'p')
      return ['p', o, k, own === true ? `own ${JSON.stringify(i)}` : undefined].filter(isThere).join(' ');
    return { t, ...(isThere(why) ? { why } : {}), ...(isThere(o) ? { o } : {}) };
  });

const isThere = (part: unknown): boolean => part !== undefined;

describe('a subscriber that does not read', () => {
  it('`drop-oldest`: [REC3] gets the newest behind a gap, and holds up nobody', async () => {
    const scene = await stalled({ slow: 'drop-oldest' });
    for (let n = 2; n <= 9; n++) await publish(scene);
    expect(scene.quick.take().map(({ o }) => o)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(scene.h.node.counts().heldUnits).toBeGreaterThan(300);
    expect(scene.h.node.counts().heldUnits).toBeLessThanOrEqual(400);
    scene.slow.read();
    const told = brief(scene.slow.take());
    expect(told[0]).toBe('p 1');
    expect(told[1]).toMatchObject({ t: 'gap', why: 'dropped' });
    const { o } = told[1] as { o: number };
    expect(o).toBeGreaterThan(1);
    expect(told.slice(2)).toEqual(Array.from({ length: 9 - o }, (_, at) => `p ${o + 1 + at}`));
    expect(scene.h.node.counts().heldUnits).toBe(0);
    await publish(scene);
    expect(brief(scene.slow.take())).toEqual(['p 10']);
  });

  it('`conflate`: [MAP2] gets the latest of each key, and its own publications that no other replaced', async () => {
    const scene = await stalled({ kind: 'map', slow: 'conflate', heldUnits: 1_000, echo: false });
    for (const [at, k] of ['replaced', 'kept', 'kept too'].entries())
      scene.slow.send({ t: 'pub', c: 'c:1', k, d: 1, i: 2 + at });
    for (const k of ['a', 'b', 'a', 'replaced', 'b', 'a']) await publish(scene, { k });
    scene.slow.read();
    const told = brief(scene.slow.take()).filter((one) => !JSON.stringify(one).includes('"ok"'));
    expect(told).toEqual([
      'p 1 first',
      { t: 'gap', why: 'conflated', o: 2 },
      'p 3 own 3',
      'p 4 own 4',
      { t: 'gap', why: 'conflated', o: 7 },
      'p 8 replaced',
      'p 9 b',
      'p 10 a',
    ]);
  });

  it('`resync`: [REC6] [REC1] gets one gap, nothing more, and everything at its next `sub`', async () => {
    const scene = await stalled({ slow: 'resync' });
    const { h, slow, epoch } = scene;
    for (let n = 2; n <= 9; n++) await publish(scene);
    expect(h.node.counts().heldUnits).toBe(0);
    slow.read();
    expect(brief(slow.take())).toEqual(['p 1', { t: 'gap', why: 'resync' }]);
    await publish(scene);
    expect(slow.take()).toEqual([]);
    slow.send({ t: 'sub', c: 'c:1', i: 2, e: epoch, o: 1 });
    await h.clock.settle();
    await publish(scene);
    const [ok, ps, ...live] = slow.take();
    expect(ok).toMatchObject({ t: 'ok', i: 2, rec: true, o: 10 });
    expect((ps as unknown as { ps: Wire[] }).ps.map(({ o }) => o)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(brief(live)).toEqual(['p 11']);
  });

  it('`resync`: one that subscribes again before it has read the gap is answered behind it', async () => {
    const scene = await stalled({ slow: 'resync' });
    const { h, slow, epoch } = scene;
    for (let n = 2; n <= 9; n++) await publish(scene);
    slow.send({ t: 'sub', c: 'c:1', i: 2, e: epoch, o: 0 });
    await h.clock.settle();
    await publish(scene);
    slow.read();
    await h.clock.settle();
    const [first, gap, ok, ps, ...rest] = slow.take();
    expect(brief([first!, gap!])).toEqual(['p 1', { t: 'gap', why: 'resync' }]);
    expect(ok).toMatchObject({ t: 'ok', i: 2, rec: true, o: 10 });
    expect((ps as unknown as { ps: Wire[] }).ps).toHaveLength(10);
    expect(rest).toEqual([]);
    await publish(scene);
    expect(brief(slow.take())).toEqual(['p 11']);
  });

  it('`resync`: one that begins at the top is told of nothing that was before', async () => {
    const scene = await stalled({ slow: 'resync' });
    const { h, slow } = scene;
    for (let n = 2; n <= 9; n++) await publish(scene);
    slow.send({ t: 'sub', c: 'c:1', i: 2 });
    await h.clock.settle();
    await publish(scene);
    slow.read();
    expect(brief(slow.take())).toEqual(['p 1', { t: 'ok', o: 9 }, 'p 10']);
  });

  it('`close`: is closed, and its session resumes where it was', async () => {
    const scene = await stalled({ slow: 'close' });
    const { h, slow, epoch } = scene;
    for (let n = 2; n <= 9; n++) await publish(scene);
    expect(slow.closeCode).toBe(4002);
    expect(h.node.counts()).toMatchObject({ connections: 1, heldUnits: 0 });
    const again = await h.logIn('slow', { resume: slow.last('token')!.token });
    again.take();
    again.send({ t: 'sub', c: 'c:1', i: 1, e: epoch, o: 0 });
    await h.clock.settle();
    const [ok, ps] = again.take();
    expect(ok).toMatchObject({ t: 'ok', rec: true, o: 9 });
    expect((ps as unknown as { ps: Wire[] }).ps).toHaveLength(9);
  });

  it('signals: has the latest of each sender, whoever sent most', async () => {
    const h = await createChannelHarness({
      channels: [channelSpec('s:{id}', { kind: 'signal', slow: 'conflate', heldUnits: 10_000 })],
    });
    const [slow, ann, bob] = [await h.logIn('slow'), await h.logIn('ann'), await h.logIn('bob')];
    for (const client of [slow, ann, bob]) client.send({ t: 'sub', c: 's:1', i: 1 });
    await h.clock.settle();
    slow.take();
    slow.stall();
    for (let n = 0; n <= 20; n++) {
      ann.send({ t: 'pub', c: 's:1', d: `ann ${n}` });
      if (n < 3) bob.send({ t: 'pub', c: 's:1', d: `bob ${n}` });
      await h.clock.advance(60);
    }
    slow.read();
    const latest = new Map<unknown, unknown>();
    const told = slow.take();
    for (const { ss } of told)
      for (const { by, d } of (ss ?? []) as { by: string; d: string }[]) latest.set(by, d);
    expect(Object.fromEntries(latest)).toEqual({ ann: 'ann 20', bob: 'bob 2' });
    expect(told.filter(({ t }) => t === 'gap')).toMatchObject([{ why: 'conflated' }, { why: 'conflated' }]);
    // What was in flight, and the latest of the two, each behind what says so.
    expect(told.length).toBeLessThanOrEqual(5);
  });

  it('an end of its subscription is followed by nothing of the channel', async () => {
    const scene = await stalled({ slow: 'drop-oldest' });
    const { h, slow } = scene;
    for (let n = 2; n <= 9; n++) await publish(scene);
    slow.send({ t: 'unsub', c: 'c:1', i: 2 });
    await publish(scene);
    expect(h.node.counts().heldUnits).toBe('{"t":"ok","i":2}'.length);
    slow.read();
    expect(brief(slow.take())).toEqual(['p 1', { t: 'ok' }]);
  });
});
