import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { API_KEY, type Client } from '../../http-api/server-under-test.ts';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { follow } from '../feed-scene.ts';
import { type DaprScene, startDaprScene } from './dapr-scene.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 /* on a busy machine */ });

// Two nodes over a real Redis. Each event comes to one of them, as a sidecar hands it to the instance beside it.

let redis: RedisServer;
let nodes: readonly DaprScene[];
beforeAll(async () => {
  redis = await startRedis();
  // The nodes of a deployment share a database as well.
  const config = { redis: { url: redis.url }, databaseUrl: `sqlite:${redis.folder}/shared.sqlite` };
  nodes = await Promise.all([0, 1].map(() => startDaprScene(config, {}, 'memory')));
}, 60_000);
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  await redis.stop();
});

const note = (user: string, id: string, n: number): string =>
  `{"specversion":"1.0","id":"${id}","source":"app","type":"note","data":{"user":"${user}","n":${n}}}`;

async function deviceOf(user: string, node: DaprScene): Promise<Client> {
  const device = await node.logIn(user);
  await follow(device, `log:${user}`);
  return device;
}

it('an event that one node was given reaches the devices of its user on all nodes, in order and once', async () => {
  const [first, second] = nodes as readonly [DaprScene, DaprScene];
  const devices = [await deviceOf('ann', first), await deviceOf('ann', second)];
  const bob = await deviceOf('bob', second);
  for (let n = 0; n < 20; n++) {
    // Posted to either node, and to the other again, as where an answer was lost.
    const [to, other] = n % 2 === 0 ? [first, second] : [second, first];
    for (const node of [to, other])
      expect(await node.post('notes', note('ann', `e${n}`, n))).toEqual({
        status: 200,
        body: { status: 'SUCCESS' },
      });
  }
  const again = {
    events: [0, 19, 20].map((n) => ({ topic: 'notes', id: `app e${n}`, data: { user: 'ann', n } })),
  };
  const { body } = await first.api('POST', '/v1/events', again);
  expect(body).toEqual({
    results: [true, true, false].map((duplicate) => ({ result: 'applied', duplicate })),
  });
  for (const device of devices)
    for (let n = 0; n <= 20; n++) expect(await device.next('p')).toMatchObject({ o: n + 1, d: { n } });

  await first.post('notes', note('bob', 'b', 1));
  expect(await bob.next('p')).toMatchObject({ c: 'log:bob', o: 1, d: { user: 'bob' } });
});

it('each node with devices of the user tells once how late it was, from the time of the event to its sockets', async () => {
  const [first, second] = nodes as readonly [DaprScene, DaprScene];
  const devices = [await deviceOf('eve', second), await deviceOf('eve', second)];
  const before = [await deliveriesOf(first), await deliveriesOf(second)];
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const event = `{"specversion":"1.0","id":"late","source":"app","type":"note","time":"${anHourAgo}","data":{"user":"eve"}}`;
  await first.post('notes', event);
  for (const device of devices) expect(await device.next('p')).toMatchObject({ c: 'log:eve', o: 1 });
  const [here, there] = [await deliveriesOf(first), await deliveriesOf(second)];
  expect(here).toEqual(before[0]);
  expect(there.count - (before[1]?.count ?? 0)).toBe(1);
  expect(there.withinObjective).toBe(before[1]?.withinObjective);
  expect(there.sum - (before[1]?.sum ?? 0)).toBeGreaterThanOrEqual(3_600);
});

async function deliveriesOf(
  node: DaprScene,
): Promise<Readonly<Record<'count' | 'withinObjective' | 'sum', number>>> {
  const response = await fetch(`${node.url}/metrics`, { headers: { authorization: `Bearer ${API_KEY}` } });
  const lines = (await response.text())
    .split('\n')
    .filter((line) => line.startsWith('carillon_feed_delivery_seconds'));
  const valueOf = (end: string) =>
    Number(lines.find((line) => line.startsWith(`carillon_feed_delivery_seconds${end} `))?.split(' ')[1]);
  return { count: valueOf('_count'), withinObjective: valueOf('_bucket{le="1"}'), sum: valueOf('_sum') };
}
