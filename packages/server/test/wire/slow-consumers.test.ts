import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BareClient, Wire } from './scene/bare-client.ts';
import { loginToken } from './scene/login-token.ts';
import { openRawWebSocket, type RawWebSocket } from './scene/raw-web-socket.ts';
import { openScene, type Scene } from './scene/scene.ts';
import { scrape } from './scene/server-metrics.ts';

// A real socket that stops reading among others that read, under each policy.

let scene: Scene;

const QUICK = 3;
const PAYLOAD = 'x'.repeat(40_000);
/** 26 MB for each subscriber: more than the kernel keeps for one that does not read (10 MB), and then the bounds below. */
const PUBLICATIONS = 650;
/** How many publications may be on their way to the server at once. */
const AT_ONCE = 10;
/** What a channel may hold, in publications and in UTF-16 units. */
const HELD_PUBLICATIONS = 6;
const HELD_UNITS = HELD_PUBLICATIONS * 40_100;

const CONTRACT = new URL('../../../contract/src/index.ts', import.meta.url).href;

/** Any JSON is welcome: a Standard Schema that lets everything pass. */
const CONFIG = `
import { defineContract, map, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const kept = {
  data,
  durability: 'memory',
  payloadUnits: 50_000,
  heldUnits: ${HELD_UNITS},
  history: { count: 10_000, units: 100_000_000 },
  rate: { perSecond: 100_000, burst: 100_000 },
};
export default {
  contract: defineContract({
    channels: {
      'closes:{id}': stream({ ...kept, slow: 'close' }),
      'drops:{id}': stream({ ...kept, slow: 'drop-oldest' }),
      'resyncs:{id}': stream({ ...kept, slow: 'resync' }),
      'board:{id}': map({ ...kept, slow: 'conflate' }),
    },
  }),
  authorize: {
    'closes:{id}': () => true,
    'drops:{id}': () => true,
    'resyncs:{id}': () => true,
    'board:{id}': () => true,
  },
};
`;

type Publication = { readonly o: number; readonly k?: string; readonly d: string };

type Stopped = {
  readonly slow: RawWebSocket;
  readonly quick: readonly BareClient[];
  readonly publisher: BareClient;
  readonly epoch: string;
  readonly resumeToken: string;
};

beforeEach(async () => {
  scene = await openScene(
    {
      CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
      CARILLON_LIMITS_MESSAGE_BURST: '1000000',
      // What is bounded here is bounded by the channel.
      CARILLON_LIMITS_OUTBOX_BYTES: '200000000',
    },
    { configModule: CONFIG },
  );
});
afterEach(() => scene.close());

/** Subscribes everyone, stops one of them, and publishes until the others have it all. */
async function stopReading(channel: string, keyOf: (n: number) => string | undefined): Promise<Stopped> {
  const slow = await openRawWebSocket(scene.server.port);
  slow.send(JSON.stringify({ t: 'login', username: 'slow', token: await loginToken('slow') }));
  const token = await slow.waitFor('its token', (text) => text.startsWith('{"t":"token"'));
  slow.send(JSON.stringify({ t: 'sub', c: channel, i: 1 }));
  const ok = await slow.waitFor('the answer to its sub', (text) => text.startsWith('{"t":"ok","i":1'));
  const quick: BareClient[] = [];
  for (let n = 0; n < QUICK; n++) {
    const client = await scene.logIn(`quick${n}`);
    client.send({ t: 'sub', c: channel, i: 1 });
    await client.waitFor('the answer to a sub', ({ i }) => i === 1);
    client.take();
    quick.push(client);
  }
  slow.socket.pause();
  const publisher = await scene.logIn('publisher');
  for (let n = 1; n <= PUBLICATIONS; n++) {
    publisher.send({ t: 'pub', c: channel, i: n, k: keyOf(n), d: `${n} ${PAYLOAD}` });
    if (n % AT_ONCE === 0) await publisher.waitFor(`publication ${n} is kept`, ({ i }) => i === n);
  }
  for (const client of quick) await client.settle();
  const { e, o } = JSON.parse(ok) as { e: string; o: number };
  expect(o).toBe(0);
  return { slow, quick, publisher, epoch: e, resumeToken: (JSON.parse(token) as { token: string }).token };
}

/** Those that read got everything meanwhile, in order. */
function expectQuickGotAll({ quick }: Stopped): void {
  for (const client of quick)
    expect(client.take().map(({ t, o }) => `${t} ${String(o)}`)).toEqual(
      Array.from({ length: PUBLICATIONS }, (_, at) => `p ${at + 1}`),
    );
}

/** What the server holds for it, once its bound has acted; every unit of it is one connection's. */
async function expectHeldWithinBound(): Promise<void> {
  const metrics = await scrape(scene.server);
  expect(metrics.value('carillon_slow_consumers_total')).toBeGreaterThanOrEqual(1);
  expect(metrics.value('carillon_held_units')).toBeLessThanOrEqual(HELD_UNITS);
}

/** Reads on, until whatever was owed has come: the second answer comes behind what was held. */
async function readOn({ slow }: Stopped): Promise<readonly string[]> {
  slow.socket.resume();
  for (const q of [1, 2]) {
    slow.send(`{"t":"hb","q":${q}}`);
    await slow.waitFor('an answer to the slow one', (text) => text === `{"t":"hb","q":${q}}`);
  }
  return slow.texts.filter((text) => /^\{"t":"(p|ps|gap)"/.test(text));
}

const publication = (text: string): Publication => JSON.parse(text) as Publication;

/** @returns how many publications stand at the front, without a gap from `from` on */
function inOrder(texts: readonly string[], from: number): number {
  let count = 0;
  while (count < texts.length && texts[count]!.startsWith('{"t":"p",')) {
    expect(publication(texts[count]!).o).toBe(from + count);
    expect(publication(texts[count]!).d.startsWith(`${from + count} x`)).toBe(true);
    count++;
  }
  return count;
}

describe('a reader that stops among others', () => {
  it('`drop-oldest`: [REC3] [REC6] gets the newest behind one gap that names where it goes on', async () => {
    const stopped = await stopReading('drops:1', () => undefined);
    expectQuickGotAll(stopped);
    await expectHeldWithinBound();
    const dropped = (await scrape(scene.server)).value(
      'carillon_channel_dropped_total',
      '{policy="drop-oldest"}',
    );
    expect(dropped).toBeGreaterThan(0);
    const texts = await readOn(stopped);
    const before = inOrder(texts, 1);
    expect(before).toBeGreaterThan(0);
    const goesOn = before + dropped;
    expect(texts[before]).toBe(`{"t":"gap","c":"drops:1","why":"dropped","o":${goesOn}}`);
    const behind = texts.slice(before + 1);
    expect(behind).toHaveLength(HELD_PUBLICATIONS);
    expect(inOrder(behind, goesOn + 1)).toBe(HELD_PUBLICATIONS);
    expect(goesOn + HELD_PUBLICATIONS).toBe(PUBLICATIONS);
    const metrics = await scrape(scene.server);
    expect(metrics.value('carillon_held_units')).toBe(0);
    expect(metrics.value('carillon_gaps_total', '{reason="dropped"}')).toBe(1);
  });

  it('`conflate`: [MAP2] [REC6] gets the latest of each key, a gap wherever one before is missing', async () => {
    // One key is set once, and never again.
    const keyOf = (n: number): string => (n === PUBLICATIONS - 40 ? 'once' : `k${n % 4}`);
    const stopped = await stopReading('board:1', keyOf);
    expectQuickGotAll(stopped);
    await expectHeldWithinBound();
    const folded = (await scrape(scene.server)).value(
      'carillon_channel_dropped_total',
      '{policy="conflate"}',
    );
    expect(folded).toBeGreaterThan(0);
    const texts = await readOn(stopped);
    const values = new Map<string, string>();
    let position = 0;
    let missing = 0;
    for (const text of texts) {
      const message = JSON.parse(text) as Wire & Publication;
      if (message.t === 'gap') {
        expect(text).toBe(`{"t":"gap","c":"board:1","why":"conflated","o":${message.o}}`);
        expect(message.o).toBeGreaterThan(position);
        missing += message.o - position;
        position = message.o;
        continue;
      }
      expect(message.o).toBe(position + 1);
      position = message.o;
      values.set(message.k!, message.d.split(' ')[0]!);
    }
    expect(position).toBe(PUBLICATIONS);
    expect(missing).toBe(folded);
    const latest = new Map<string, string>();
    for (let n = 1; n <= PUBLICATIONS; n++) latest.set(keyOf(n), String(n));
    expect(Object.fromEntries(values)).toEqual(Object.fromEntries(latest));
  });

  it('`resync`: [REC6] [REC1] gets a gap and nothing more; its `sub` with a position makes it whole', async () => {
    const stopped = await stopReading('resyncs:1', () => undefined);
    const { slow, publisher, epoch } = stopped;
    expectQuickGotAll(stopped);
    const metrics = await scrape(scene.server);
    expect(metrics.value('carillon_held_units')).toBe(0);
    expect(metrics.value('carillon_channel_dropped_total', '{policy="resync"}')).toBeGreaterThan(0);
    const texts = await readOn(stopped);
    const before = inOrder(texts, 1);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(PUBLICATIONS);
    expect(texts.slice(before)).toEqual(['{"t":"gap","c":"resyncs:1","why":"resync"}']);

    publisher.send({ t: 'pub', c: 'resyncs:1', i: 1_000, d: `${PUBLICATIONS + 1} x` });
    await publisher.waitFor('one more is kept', ({ i }) => i === 1_000);
    slow.send(JSON.stringify({ t: 'sub', c: 'resyncs:1', i: 2, e: epoch, o: before }));
    const ok = await slow.waitFor('the answer to its sub', (text) => text.startsWith('{"t":"ok","i":2'));
    expect(JSON.parse(ok)).toMatchObject({ rec: true, e: epoch, o: PUBLICATIONS + 1 });
    publisher.send({ t: 'pub', c: 'resyncs:1', i: 1_001, d: `${PUBLICATIONS + 2} x` });
    await slow.waitFor('the live one', (text) =>
      text.startsWith(`{"t":"p","c":"resyncs:1","o":${PUBLICATIONS + 2},`),
    );
    const behind = slow.texts.slice(slow.texts.indexOf(ok) + 1).filter((text) => text.startsWith('{"t":"p'));
    const replayed = behind
      .filter((text) => text.startsWith('{"t":"ps"'))
      .flatMap((text) => (JSON.parse(text) as { ps: readonly Publication[] }).ps);
    expect(replayed.map(({ o }) => o)).toEqual(
      Array.from({ length: PUBLICATIONS + 1 - before }, (_, at) => before + 1 + at),
    );
    expect(replayed.every(({ o, d }) => d.startsWith(`${o} x`))).toBe(true);
    expect(behind.filter((text) => text.startsWith('{"t":"p",'))).toHaveLength(1);
  });

  it('`close`: [RES1] [REC1] is closed as slow, and a new connection of its session gets the rest, once', async () => {
    const stopped = await stopReading('closes:1', () => undefined);
    const { slow, epoch, resumeToken } = stopped;
    expectQuickGotAll(stopped);
    const metrics = await scrape(scene.server);
    expect(metrics.by('carillon_connections_closed_total', 'reason').get('slow_consumer')).toBe(1);
    expect(metrics.value('carillon_held_units')).toBe(0);
    const read = inOrder(
      slow.texts.filter((text) => text.startsWith('{"t":"p",')),
      1,
    );
    expect(read).toBeLessThan(PUBLICATIONS);
    const again = await scene.connect();
    const { token } = await again.logIn('slow', { resume: resumeToken });
    expect(token['resumed']).toBe(true);
    again.send({ t: 'sub', c: 'closes:1', i: 2, e: epoch, o: read });
    const ok = await again.waitFor('the answer to its sub', ({ i }) => i === 2);
    expect(ok).toMatchObject({ rec: true, e: epoch, o: PUBLICATIONS });
    await again.settle();
    const replayed = again.received
      .filter(({ t }) => t === 'ps')
      .flatMap(({ ps }) => ps as readonly Publication[]);
    expect(replayed.map(({ o }) => o)).toEqual(
      Array.from({ length: PUBLICATIONS - read }, (_, at) => read + 1 + at),
    );
    slow.socket.destroy();
  });
});
