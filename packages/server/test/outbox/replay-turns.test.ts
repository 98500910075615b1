import { describe, expect, it } from 'vitest';
import { controlFrame } from '../../src/core/outbox/frame.ts';
import { holdResync } from '../../src/core/outbox/outbox.ts';
import { DEFAULT_SETTINGS } from '../../src/runtime/node-options.ts';
import { inReplayTurn } from '../../src/runtime/replay-turns.ts';
import type { BareClient, Harness, Wire } from '../runtime/harness.ts';
import { channelSpec, createChannelHarness } from '../runtime/channels/channel-harness.ts';
import { createSlowLine } from './slow-line.ts';

// A client that comes back subscribes to everything at once. What it missed is more than may be held for it.

const CHANNELS = Array.from({ length: 12 }, (_, n) => `c:${n}`);
const PUBLICATIONS = 8;
const PAYLOAD = 'x'.repeat(10_000);
/** One replay of 80,000 units fits, two do not. */
const BOUND = 100_000;

type Scene = {
  readonly h: Harness;
  readonly client: BareClient;
  readonly epochs: ReadonlyMap<string, string>;
};

async function missedALot(subscriptionsPerSession = 100): Promise<Scene> {
  const h = await createChannelHarness({
    channels: [channelSpec('c:{id}', { payloadUnits: 20_000 }), channelSpec('closed:{id}')],
    settings: { subscriptionsPerSession, outbox: { ...DEFAULT_SETTINGS.outbox, heldControlUnits: BOUND } },
    decide: ({ channel }) =>
      channel.startsWith('c:')
        ? { allow: true, untilMs: null }
        : { allow: false, code: 'forbidden', detail: 'closed' },
  });
  const publisher = await h.logIn('publisher');
  const epochs = new Map<string, string>();
  for (const c of CHANNELS) {
    for (let n = 1; n <= PUBLICATIONS; n++) publisher.send({ t: 'pub', c, i: n, d: PAYLOAD });
    await h.clock.advance(2_000);
    epochs.set(c, String(publisher.last('ok')!['e']));
  }
  const client = await h.logIn('client');
  client.take();
  return { h, client, epochs };
}

const subscribe = ({ client, epochs }: Scene, channels: readonly string[]): void => {
  for (const c of channels) client.send({ t: 'sub', c, i: CHANNELS.indexOf(c), e: epochs.get(c), o: 0 });
};

/** Which requests were answered, and which offsets replayed. */
const told = (messages: readonly Wire[]): unknown[] =>
  messages.map(({ t, i, c, ps }) =>
    t === 'ps' ? `${String(c)} ${(ps as Wire[]).map(({ o }) => o).join(',')}` : i,
  );

describe('a client that comes back to many channels', () => {
  it('[REC1] on a line that is slower than the replays gets them one after the other, and is not closed', async () => {
    const scene = await missedALot();
    const { h, client } = scene;
    const got: Wire[] = [];
    client.stall();
    subscribe(scene, CHANNELS);
    await h.clock.settle();
    for (let round = 0; round < CHANNELS.length; round++) {
      expect(h.node.counts().heldUnits).toBe(0);
      client.read();
      // It has read that much, and no more.
      client.stall();
      got.push(...client.take());
      await h.clock.settle();
    }
    client.read();
    got.push(...client.take());
    expect(client.closeCode).toBeNull();
    expect(got.filter(({ t }) => t === 'ok').map(({ i }) => i)).toEqual(CHANNELS.map((_, at) => at));
    const replayed = new Map<string, number[]>();
    for (const { t, c, ps } of got)
      if (t === 'ps')
        replayed.set(c as string, [
          ...(replayed.get(c as string) ?? []),
          ...(ps as { o: number }[]).map(({ o }) => o),
        ]);
    expect([...replayed.keys()]).toEqual(CHANNELS);
    for (const offsets of replayed.values()) expect(offsets).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('waits for no rule, and lets go what asks for no replay', async () => {
    const scene = await missedALot();
    const { h, client } = scene;
    client.stall();
    subscribe(scene, CHANNELS.slice(0, 1));
    await h.clock.settle();
    subscribe(scene, CHANNELS.slice(1, 2));
    client.send({ t: 'sub', c: 'closed:1', i: 100, e: 'e', o: 1 });
    client.send({ t: 'sub', c: 'c:new', i: 200 });
    await h.clock.settle();
    client.read();
    await h.clock.settle();
    expect(told(client.take())).toEqual([
      0,
      'c:0 1,2,3,4,5,6',
      'c:0 7,8',
      100,
      200,
      1,
      'c:1 1,2,3,4,5,6',
      'c:1 7,8',
    ]);
  });

  it('is refused one too many, though it asked before the others were answered', async () => {
    const scene = await missedALot(2);
    const { h, client } = scene;
    client.stall();
    subscribe(scene, CHANNELS.slice(0, 3));
    await h.clock.settle();
    for (let round = 0; round < 3; round++) {
      client.read();
      await h.clock.settle();
    }
    expect(client.received.filter(({ t }) => t === 'err')).toMatchObject([{ i: 2, code: 'limit_reached' }]);
    expect(h.node.counts()).toMatchObject({ channels: 2, subscriptions: 2 });
  });

  it('and goes while they wait leaves nothing behind', async () => {
    const scene = await missedALot();
    const { h, client } = scene;
    client.stall();
    subscribe(scene, CHANNELS);
    await h.clock.settle();
    client.drop();
    await h.clock.settle();
    expect(h.node.counts()).toMatchObject({ channels: 1, subscriptions: 1 });
    await h.clock.advance(DEFAULT_SETTINGS.graceMs + 1_000);
    expect(h.node.counts()).toMatchObject({ channels: 0, subscriptions: 0, heldUnits: 0 });
    expect(h.warnings).toEqual([]);
  });
});

describe('turns of replays', () => {
  /** Asks for two replays, of which the first owes so much; who was sent theirs before the turn ended, and after. */
  async function sentBeforeAndAfter(units: number): Promise<readonly [number[], number[]]> {
    const line = createSlowLine(1_000_000);
    const sent: number[] = [];
    for (const n of [1, 2])
      void inReplayTurn(line.link, async () => {
        line.flusher.send(line.link, controlFrame('x'.repeat(units)));
        sent.push(n);
      });
    for (let i = 0; i < 20; i++) await Promise.resolve();
    const before = [...sent];
    await line.clock.settle();
    return [before, sent];
  }

  it('small ones go out in one turn, up to 64 Ki units; then the next waits for the write', async () => {
    expect(await sentBeforeAndAfter(64 * 1024 - 1)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await sentBeforeAndAfter(64 * 1024)).toEqual([[1], [1, 2]]);
  });

  it('one that fails gives its turn on', async () => {
    const line = createSlowLine(1_000_000);
    const failed = inReplayTurn(line.link, () => Promise.reject(new Error('the log is away')));
    const next = inReplayTurn(line.link, () => line.answer('next'));
    await expect(failed).rejects.toThrow('the log is away');
    await next;
    expect(line.read).toEqual(['next']);
  });

  it('nobody overtakes who was told to go', async () => {
    const line = createSlowLine(1_000_000);
    const order: string[] = [];
    const turn = (name: string): Promise<void> => inReplayTurn(line.link, async () => void order.push(name));
    line.pause();
    await line.answer('in flight');
    const first = turn('first');
    const second = turn('second');
    line.resume();
    // The first has been told to go, and has not gone yet.
    const third = turn('third');
    await Promise.all([first, second, third]);
    expect(order).toEqual(['first', 'second', 'third']);
    line.pause();
    await line.answer('in flight');
    const fourth = turn('fourth');
    line.resume();
    await Promise.all([fourth, turn('fifth')]);
    expect(order.slice(3)).toEqual(['fourth', 'fifth']);
  });

  it('wait for what a roster that is being read again holds back', async () => {
    const line = createSlowLine(1_000_000);
    holdResync(line.link.outbox);
    line.link.rosterReads = 1;
    let hasGone = false;
    const turn = inReplayTurn(line.link, async () => void (hasGone = true));
    line.flusher.drained(line.link);
    await line.clock.settle();
    expect(hasGone).toBe(false);
    line.link.rosterReads = 0;
    line.flusher.drained(line.link);
    await turn;
    expect(line.read).toEqual(['{"t":"sync","users":[]}']);
  });

  it('of a connection that is gone are not taken any more', async () => {
    const line = createSlowLine(1_000_000);
    const done: string[] = [];
    const work = (name: string) => (): Promise<void> => {
      done.push(name);
      return line.answer(name);
    };
    const going = inReplayTurn(line.link, work('going'));
    void inReplayTurn(line.link, work('waits'));
    line.link.phase = 'closed';
    await going;
    await line.clock.settle();
    expect(done).toEqual(['going']);

    const another = createSlowLine(1_000_000);
    another.pause();
    await another.answer('in flight');
    const told = inReplayTurn(another.link, work('told to go'));
    another.resume();
    another.link.phase = 'closed';
    await told;
    expect(done).toEqual(['going']);
  });
});
