import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Client, createClient } from '../../src/index.ts';
import { type RealServer, contract, startRealServer } from '../real-server.ts';
import { type Proxy, startProxy } from './proxy.ts';

/** After so long without a byte the proxy cuts a connection, ms: half of what a stream of the server stays silent. */
const IDLE_MS = 4_000;

/** Times that a line is used to keep it, behind the learning: together longer than three times what the proxy allows. */
const USES = 6;

let real: RealServer;
const ending: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  real = await startRealServer();
});
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});
afterAll(() => real?.close());

/** A client of this way behind a proxy of its own, and what it is told and does. */
async function come(way: 'websocket' | 'sse' | 'longpoll') {
  const proxy: Proxy = await startProxy(real.port);
  proxy.idleMs = IDLE_MS;
  const drops: string[] = [];
  const seen: number[] = [];
  let uses = 0;
  const client: Client<typeof contract> = createClient<typeof contract>({
    url: `ws://127.0.0.1:${proxy.port}/ws`,
    username: way,
    token: way,
    // A client that is given WebSocket alone learns nothing: it has nothing else of the ways loaded.
    transports: way === 'websocket' ? undefined : [way],
    onWire(direction, text) {
      if (direction === 'up' && text.includes('"t":"hb","q"')) uses++;
    },
  });
  ending.push(async () => {
    client.disconnect();
    await proxy.close();
  });
  client.onConnection(({ status, reason }) => {
    if (status === 'disconnected') drops.push(String(reason));
  });
  const chat = client.stream('chat:{room}', { room: `idle-${way}` });
  chat.onPublication(({ data }) => void seen.push(data));
  const subscribed = chat.subscribe();
  client.connect();
  await subscribed;
  return {
    client,
    proxy,
    drops,
    seen,
    /** Times that the line was used for its own sake: a poll is asked anew, others ask for an echo. */
    uses: () => (way === 'longpoll' ? proxy.asked.length : uses),
  };
}

it(
  'learns on every transport that a proxy drops what is idle, and then nothing drops any more, and nothing is lost',
  { timeout: 120_000 },
  async () => {
    const told = await Promise.all(
      (['websocket', 'sse', 'longpoll'] as const).map(async (way) => {
        const { client, proxy, drops, seen, uses } = await come(way);
        const { session } = client;
        const room = `idle-${way}`;
        let published = 0;
        const publish = async (): Promise<void> => {
          await real.server.publish('chat:{room}', { room }, ++published);
        };
        // Published in the moment of each cut, when nobody reads.
        for (let cut = 1; cut <= 2; cut++) {
          await expect.poll(() => proxy.idleCuts, { timeout: 30_000, interval: 5 }).toBe(cut);
          await publish();
          await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(published);
        }
        const before = { cuts: proxy.idleCuts, drops: drops.length, uses: uses() };
        await expect
          .poll(uses, { timeout: 60_000, interval: 100 })
          .toBeGreaterThanOrEqual(before.uses + USES);
        await publish();
        await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(published);
        return {
          way,
          dropsToLearn: before.drops,
          cutsSince: proxy.idleCuts - before.cuts,
          dropsSince: drops.length - before.drops,
          seen,
          stayed: client.connection.transport === way,
          sameSession: client.session === session,
        };
      }),
    );
    const rest = { cutsSince: 0, dropsSince: 0, seen: [1, 2, 3], stayed: true, sameSession: true };
    expect(told).toEqual([
      { way: 'websocket', dropsToLearn: 2, ...rest },
      { way: 'sse', dropsToLearn: 2, ...rest },
      // A poll that is cut is asked again: the line lives.
      { way: 'longpoll', dropsToLearn: 0, ...rest },
    ]);
  },
);
