import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ChannelRef, channelFrame, controlFrame } from '../../src/core/outbox/frame.ts';
import { type SlowLine, createSlowLine } from './slow-line.ts';

// A subscriber on a line that stops and goes on, under a runtime of a few lines that keeps whole logs. What it knows in the
// end is held against the logs.

type Message = {
  readonly t: string;
  readonly c: string;
  readonly o?: number;
  readonly k?: string;
  readonly v?: string;
  readonly why?: string;
  readonly i?: number;
  readonly ps?: readonly { readonly o: number; readonly k: string; readonly v: string }[];
};

type Published = { readonly o: number; readonly k: string; readonly v: string };

type Subscribed = {
  readonly ref: ChannelRef;
  readonly log: Published[];
  isLive: boolean;
  /** The client's side. */
  position: number;
  readonly applied: number[];
  /** Offsets that a gap `dropped` stood for. */
  readonly lost: number[];
  readonly values: Map<string, string>;
  /** The request whose `ok` it waits for; what comes before that is of the subscription before. */
  awaits: number | null;
};

const REFS: readonly ChannelRef[] = [
  { name: 'closes', slow: 'close', heldUnits: 4_000 },
  { name: 'drops', slow: 'drop-oldest', heldUnits: 150 },
  { name: 'resyncs', slow: 'resync', heldUnits: 150 },
  { name: 'map', slow: 'conflate', heldUnits: 150 },
  { name: 'wide map', slow: 'conflate', heldUnits: 4_000 },
];

function createWorld() {
  const told = new Map<string, number>();
  const channels: Subscribed[] = REFS.map((ref) => ({
    ref,
    log: [],
    isLive: true,
    position: 0,
    applied: [],
    lost: [],
    values: new Map(),
    awaits: null,
  }));
  const byName = new Map(channels.map((channel) => [channel.ref.name, channel]));
  const line: SlowLine = createSlowLine(1_000_000, ({ name }) => {
    byName.get(name)!.isLive = false;
  });
  let requests = 0;
  let seen = 0;

  function send(channel: Subscribed, { o, k, v }: Published): void {
    const text = JSON.stringify({ t: 'p', c: channel.ref.name, o, k, v });
    const key = channel.ref.slow === 'conflate' ? k : null;
    line.flusher.send(line.link, channelFrame(channel.ref, key, o, text));
  }

  /** The client's `sub` with its position, and what the runtime does at once. */
  function subscribe(channel: Subscribed): void {
    const i = (channel.awaits = ++requests);
    line.flusher.dropHeld(line.link, channel.ref);
    channel.isLive = true;
    const c = channel.ref.name;
    line.flusher.send(line.link, controlFrame(JSON.stringify({ t: 'ok', c, i })));
    const ps = channel.log.slice(channel.position);
    if (ps.length > 0) line.flusher.send(line.link, controlFrame(JSON.stringify({ t: 'ps', c, ps })));
  }

  function apply(channel: Subscribed, { o, k, v }: Published): void {
    // [REC3] none twice, none left out.
    expect(o, `${channel.ref.name} behind ${channel.position}`).toBe(channel.position + 1);
    channel.position = o;
    channel.applied.push(o);
    channel.values.set(k, v);
  }

  function read(message: Message): void {
    const channel = byName.get(message.c)!;
    if (channel.awaits !== null) {
      if (message.t === 'ok' && message.i === channel.awaits) channel.awaits = null;
      return;
    }
    if (message.t === 'p') apply(channel, message as Published);
    for (const publication of message.ps ?? []) apply(channel, publication);
    if (message.t !== 'gap') return;
    told.set(`${channel.ref.name} ${message.why}`, (told.get(`${channel.ref.name} ${message.why}`) ?? 0) + 1);
    if (message.why === 'resync') {
      subscribe(channel);
      return;
    }
    expect(message.o).toBeGreaterThan(channel.position);
    if (message.why === 'dropped')
      for (let o = channel.position + 1; o <= message.o!; o++) channel.lost.push(o);
    channel.position = message.o!;
  }

  return {
    line,
    channels,
    told,
    publish(at: number, key: number, length: number): void {
      const channel = channels[at]!;
      const published = { o: channel.log.length + 1, k: `k${key}`, v: 'x'.repeat(length) };
      channel.log.push(published);
      if (channel.isLive) send(channel, published);
    },
    subscribe: (at: number) => subscribe(channels[at]!),
    /** The client handles what it has read. What it sends is taken at once. */
    handle(): void {
      while (seen < line.read.length) read(JSON.parse(line.read[seen++]!) as Message);
    },
  };
}

type Act =
  | { readonly do: 'publish'; readonly channel: number; readonly key: number; readonly length: number }
  | { readonly do: 'subscribe'; readonly channel: number }
  | { readonly do: 'turn' | 'pause' | 'resume' };

const channel = fc.nat({ max: REFS.length - 1 });
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      channel,
      key: fc.nat({ max: 4 }),
      length: fc.nat({ max: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('subscribe' as const), channel }) },
  { weight: 6, arbitrary: fc.constant({ do: 'turn' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'pause' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'resume' as const }) },
);

it('[REC3] [REC6] a subscriber whose line stops and goes on ends up with what its channel promises', async () => {
  const told = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { maxLength: 150, size: 'max' }), async (sequence) => {
      const world = createWorld();
      const { line } = world;
      for (const act of sequence) {
        if (act.do === 'publish') world.publish(act.channel, act.key, act.length);
        else if (act.do === 'subscribe') world.subscribe(act.channel);
        else if (act.do === 'turn') await line.clock.settle();
        else line[act.do]();
        world.handle();
      }
      // The line stays free: what is owed arrives, and so does what the client asks for then.
      line.resume();
      for (let round = 0; round < 4; round++) {
        world.handle();
        await line.clock.settle();
      }
      expect(line.overflows).toBe(0);
      for (const { ref, log, position, applied, lost, values, awaits } of world.channels) {
        expect({ name: ref.name, awaits, position }).toEqual({
          name: ref.name,
          awaits: null,
          position: log.length,
        });
        const all = log.map(({ o }) => o);
        if (ref.slow === 'close' || ref.slow === 'resync') expect(applied).toEqual(all);
        if (ref.slow === 'drop-oldest') expect([...applied, ...lost].toSorted((a, b) => a - b)).toEqual(all);
        if (ref.slow === 'conflate') {
          expect(lost).toEqual([]);
          expect(Object.fromEntries(values)).toEqual(Object.fromEntries(log.map(({ k, v }) => [k, v])));
        }
      }
      for (const [what, times] of world.told) told.set(what, (told.get(what) ?? 0) + times);
    }),
    { numRuns: 400 },
  );
  // Else it would show less than it says.
  expect([...told.keys()].toSorted()).toEqual([
    'drops dropped',
    'map conflated',
    'map resync',
    'resyncs resync',
    'wide map conflated',
  ]);
});
