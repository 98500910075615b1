import { fileURLToPath } from 'node:url';
import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Balancer, startBalancer } from '../deploy/balancer.ts';
import { type ClusterScene, openClusterScene } from '../faults/cluster/cluster-scene.ts';
import { scrape } from '../wire/scene/server-metrics.ts';
import { WAIT_LIMIT_MS } from '../wire/scene/within.ts';
import { type Client, listenTo, tokenOf } from './socketio-scene.ts';

const CONTRACT = fileURLToPath(new URL('../../../contract/src/index.ts', import.meta.url));

const CONFIG = `
import { defineContract, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
export default {
  contract: defineContract({ channels: { 'ops:{id}': stream({ data, members: true, durability: 'memory' }) } }),
  authorize: { 'ops:{id}': () => true },
  gateways: { socketio: { channel: 'ops:{id}' } },
};
`;

let scene: ClusterScene;
let balancer: Balancer;
const sockets: Socket[] = [];

beforeAll(async () => {
  scene = await openClusterScene({
    configModule: CONFIG,
    settings: { CARILLON_TRUSTED_PROXIES: '127.0.0.1' },
    // The first is full as soon as it has anybody.
    settingsOf: (node) => (node === 0 ? { CARILLON_LIMITS_CONNECTIONS: '2' } : {}),
  });
  balancer = await startBalancer('nginx', { nodes: scene.nodes.map(({ port }) => port) });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await expect.poll(connections, PATIENT).toEqual([0, 0, 0]);
});
afterAll(async () => {
  await balancer.stop();
  await scene.close();
});

async function connect(
  user: string,
  port: number,
  transports: string[],
  options: object = {},
): Promise<Client> {
  const token = await tokenOf(user);
  const socket = io(`http://127.0.0.1:${port}`, {
    auth: { token },
    transports,
    forceNew: true,
    reconnection: false,
    ...options,
  });
  sockets.push(socket);
  const client = listenTo(socket);
  await client.next('connect');
  return client;
}

/** What other processes do may take its time on a busy machine. */
const PATIENT = { timeout: WAIT_LIMIT_MS };

/** How many connections each node has. */
async function connections(): Promise<number[]> {
  return Promise.all(
    scene.nodes.map(async ({ process }) => (await scrape(process)).value('carillon_connections')),
  );
}

describe('clients of Socket.IO on three nodes over one Redis', () => {
  it('edit one document, each is told of the others by name, and all have one order', async () => {
    const clients: Client[] = [];
    for (const [i, { port }] of scene.nodes.entries())
      clients.push(await connect(`user${i}`, port, [i === 1 ? 'polling' : 'websocket']));
    for (const client of clients) await client.ask('join-document', 'shared');
    for (const [i, client] of clients.entries()) {
      // Each is told of itself and of whoever came later, from whichever node; of one that came just before, perhaps.
      const later = [0, 1, 2].filter((other) => other >= i);
      const told = (): unknown[] => client.of('user-joined').map(([who]) => who);
      await expect
        .poll(told, PATIENT)
        .toEqual(
          expect.arrayContaining(
            later.map((other) => ({ userId: `user${other}`, name: `user${other} by name` })),
          ),
        );
      expect(new Set(told().map((who) => JSON.stringify(who))).size).toBe(told().length);
    }
    await Promise.all(
      clients.map(async (client, author) => {
        for (let n = 0; n < 10; n++)
          expect(
            await client.ask('edit-operation', { documentId: 'shared', operation: { author, n } }),
          ).toMatchObject({ ok: true });
      }),
    );
    for (const client of clients) await expect.poll(() => client.of('remote-edit').length, PATIENT).toBe(20);
    const order = new Map<number, string>();
    for (const client of clients)
      for (const [edit, about] of client.of('remote-edit') as [object, { offset: number }][]) {
        const text = JSON.stringify(edit);
        expect(order.get(about.offset) ?? text).toBe(text);
        order.set(about.offset, text);
      }
    expect([...order.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  it('behind nginx polls stay at their node without a cookie, also where another was full; WebSockets go anywhere', async () => {
    const clients: Client[] = [];
    for (let i = 0; i < 12; i++) clients.push(await connect(`poller${i}`, balancer.port, ['polling']));
    const spread = await connections();
    expect(spread.reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(spread[0]).toBeLessThanOrEqual(2);
    for (const client of clients) await client.ask('join-document', 'polled');
    for (const [i, client] of clients.entries())
      for (let n = 0; n < 3; n++)
        expect(await client.ask('edit-operation', { documentId: 'polled', operation: [i, n] })).toMatchObject(
          { ok: true },
        );
    for (const client of clients) {
      await expect.poll(() => client.of('remote-edit').length, PATIENT).toBe(33);
      expect(client.of('disconnect')).toEqual([]);
    }
    const upgraded = await connect('upgrader', balancer.port, ['polling', 'websocket']);
    await expect.poll(() => upgraded.socket.io.engine.transport.name, PATIENT).toBe('websocket');
    expect(await upgraded.ask('join-document', 'polled')).toMatchObject({ ok: true, offset: 36 });
    const direct = await connect('direct', balancer.port, ['websocket']);
    expect(await direct.ask('join-document', 'polled')).toMatchObject({ ok: true, offset: 36 });
  });

  it('a node that ends tells its clients, and they come back to the others by themselves', async () => {
    const clients: Client[] = [];
    for (let i = 0; i < 6; i++)
      clients.push(
        await connect(`commuter${i}`, balancer.port, ['websocket'], {
          reconnection: true,
          reconnectionDelay: 100,
        }),
      );
    const spread = await connections();
    const home = spread.findLastIndex((count) => count > 0);
    const node = scene.nodes[home]!;
    expect(await node.end('SIGTERM')).toEqual({ code: 0, signal: null });
    const told = (): Client[] => clients.filter((client) => client.of('disconnect').length > 0);
    await expect.poll(() => told().length, PATIENT).toBe(spread[home]);
    for (const client of told()) {
      expect(client.of('server-draining')).toEqual([[{ afterMs: expect.any(Number) }]]);
      expect(client.of('disconnect')).toEqual([['transport close']]);
      await expect.poll(() => client.of('connect').length, PATIENT).toBe(2);
    }
    for (const client of clients)
      expect(await client.ask('join-document', 'moved')).toMatchObject({ ok: true });
    await node.start();
  });
});
