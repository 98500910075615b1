import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BareClient } from './scene/bare-client.ts';
import { openScene, type Scene } from './scene/scene.ts';
import { scrape } from './scene/server-metrics.ts';

// One channel to connections of both forms, of each one that stops reading.

/** 26 MB for each: more than the kernel keeps for one that does not read, and then the bound below. */
const PUBLICATIONS = 650;
const PAYLOAD = 'x'.repeat(40_000);
const AT_ONCE = 10;
const HELD_PUBLICATIONS = 6;

const CONTRACT = new URL('../../../contract/src/index.ts', import.meta.url).href;
const CONFIG = `
import { defineContract, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
export default {
  contract: defineContract({
    channels: {
      'drops:{id}': stream({
        data,
        durability: 'memory',
        payloadUnits: 50_000,
        heldUnits: ${HELD_PUBLICATIONS * 40_100},
        history: { count: 10_000, units: 100_000_000 },
        rate: { perSecond: 100_000, burst: 100_000 },
        slow: 'drop-oldest',
      }),
    },
  }),
  authorize: { 'drops:{id}': () => true },
};
`;

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(
    {
      CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
      CARILLON_LIMITS_MESSAGE_BURST: '1000000',
      CARILLON_LIMITS_OUTBOX_BYTES: '200000000',
    },
    { configModule: CONFIG },
  );
});
afterAll(() => scene.close());

async function subscriber(user: string, packed: boolean): Promise<BareClient> {
  const client = await scene.logIn(user, {}, { packed });
  client.send({ t: 'sub', c: 'drops:1', i: 1 });
  await client.waitFor('the answer to a sub', ({ i }) => i === 1);
  client.take();
  return client;
}

it('[PACK1] [REC3] [REC6] readers of both forms get all, and of each form one that stops what its policy keeps', async () => {
  const quick = [await subscriber('quick-json', false), await subscriber('quick-packed', true)];
  const slow = [await subscriber('slow-json', false), await subscriber('slow-packed', true)];
  for (const { socket } of slow) socket.pause();
  const publisher = await scene.logIn('publisher', {}, { packed: true });
  for (let n = 1; n <= PUBLICATIONS; n++) {
    publisher.send({ t: 'pub', c: 'drops:1', i: n, d: `${n} ${PAYLOAD}` });
    if (n % AT_ONCE === 0) await publisher.waitFor(`publication ${n} is kept`, ({ i }) => i === n);
  }
  for (const client of quick) {
    await client.settle();
    const told = client.take();
    expect(told.map(({ t, o }) => `${t} ${String(o)}`)).toEqual(
      Array.from({ length: PUBLICATIONS }, (_, at) => `p ${at + 1}`),
    );
    expect(told.every(({ o, d }) => (d as string).startsWith(`${String(o)} x`))).toBe(true);
  }
  const metrics = await scrape(scene.server);
  expect(metrics.value('carillon_slow_consumers_total')).toBeGreaterThanOrEqual(2);
  expect(metrics.value('carillon_channel_dropped_total', '{policy="drop-oldest"}')).toBeGreaterThan(0);

  for (const client of slow) {
    client.socket.resume();
    await client.settle();
    const told = client.take();
    const gap = told.findIndex(({ t }) => t === 'gap');
    expect(told[gap]).toEqual({
      t: 'gap',
      c: 'drops:1',
      why: 'dropped',
      o: PUBLICATIONS - HELD_PUBLICATIONS,
    });
    expect(told.slice(0, gap).map(({ o }) => o)).toEqual(Array.from({ length: gap }, (_, at) => at + 1));
    expect(told.slice(gap + 1).map(({ t, o }) => `${t} ${String(o)}`)).toEqual(
      Array.from({ length: HELD_PUBLICATIONS }, (_, at) => `p ${PUBLICATIONS - HELD_PUBLICATIONS + 1 + at}`),
    );
  }
});
