import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import type { RedisLinkDeps } from '../../src/adapters/redis/link-deps.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import type { NodeMessage } from '../../src/ports/broker.ts';
import { startDeafProxy } from '../servers/deaf-proxy.ts';
import { redisSettings } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { type BrokerNode, openNode } from './broker-nodes.ts';

const roster = (user: string): NodeMessage => ({ kind: 'roster', user });

/**
 * Timers fire a hundred times sooner: beats come every 20 ms. How long one has been on its way is measured as ever.
 *
 * @param aheadMs how far the clock that measures that has been set ahead
 */
function hastyDeps(aheadMs: () => number = () => 0): RedisLinkDeps {
  const clock = createNodeClock();
  return {
    clock: {
      ...clock,
      monotonicMs: () => clock.monotonicMs() + aheadMs(),
      setTimer: (delayMs, fire) => clock.setTimer(delayMs / 100, fire),
    },
    fraction: () => 0,
    warn: () => undefined,
  };
}

/** An answer may take as long as ever. */
const hasty = (port: number): RedisSettings => redisSettings(port, { commandTimeoutMs: 1_000_000 });

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('a broker whose line to Redis breaks', () => {
  let server: RedisServer;
  let node: BrokerNode;
  beforeEach(async () => {
    server = await startRedis();
    node = await openNode(hasty(server.port), hastyDeps());
  });
  afterEach(async () => {
    await node.close();
    await server.stop();
  });

  it('killed and started again: everything is subscribed again, then one gap is told', async () => {
    const topics = Array.from({ length: 1_200 }, (_, i) => `presence:u${i}`);
    await Promise.all(topics.map(async (topic) => node.broker.subscribe(topic)));
    const gap = node.nextGap();
    expect(node.broker.settled).toBe(true);
    await server.kill9();
    while (node.broker.settled) await turn();
    await server.restart();
    await gap;
    expect(node.broker.settled).toBe(true);
    expect(await server.run('PUBSUB', 'SHARDCHANNELS', 'carillon:presence:*')).toHaveLength(topics.length);
    for (const topic of topics)
      await server.run('SPUBLISH', `carillon:${topic}`, JSON.stringify(roster(topic)));
    await node.until(topics.at(-1)!, 1);
    expect(node.received).toHaveLength(topics.length);
    expect(node.gaps).toBe(1);
  });

  it('while it is down `subscribe` rejects; the topic is there all the same once the line stands', async () => {
    await server.kill9();
    while (node.link.up) await turn();
    await expect(node.broker.subscribe('inbox:late')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(node.broker.publish('inbox:late', roster('lost'))).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(node.broker.subscribe('inbox:given-up')).rejects.toMatchObject({ code: 'unavailable' });
    node.broker.unsubscribe('inbox:given-up');
    const gap = node.nextGap();
    await server.restart();
    await gap;
    expect(await server.run('PUBSUB', 'SHARDCHANNELS', 'carillon:inbox:*')).toEqual(['carillon:inbox:late']);
  });

  it('beats move what was seen on, and never back', async () => {
    while (node.broker.seen() === 0) await turn();
    const first = node.broker.seen();
    expect(first).toBeLessThanOrEqual(Date.now() * 1_000);
    expect(first).toBeGreaterThan((Date.now() - 60_000) * 1_000);
    while (node.broker.seen() === first) await turn();
    expect(node.broker.seen()).toBeGreaterThan(first);
    expect(node.gaps).toBe(0);
  });

  it('a line that carries nothing any more is made anew, though it does not break', async () => {
    let aheadMs = 0;
    const beats = async (): Promise<number> =>
      Number(/cmdstat_spublish:calls=(\d+)/.exec(String(await server.run('INFO', 'commandstats')))?.[1]);
    const proxy = await startDeafProxy(server.port);
    const near = await openNode(
      hasty(proxy.port),
      hastyDeps(() => aheadMs),
      hasty(server.port),
    );
    await near.broker.subscribe('inbox:a');
    while (near.broker.seen() === 0) await turn();
    const gap = near.nextGap();
    proxy.fallSilent();
    await near.broker.publish('inbox:a', roster('unheard'));
    const moreBeats = async (count: number): Promise<void> => {
      const before = await beats();
      while ((await beats()) < before + count);
    };
    await moreBeats(2);
    // They are on their way, and none comes back. Five seconds are not yet too long, six are.
    aheadMs = 5_000;
    const { opened } = proxy;
    await moreBeats(20);
    expect(proxy.opened).toBe(opened);
    aheadMs = 6_100;
    await gap;
    await near.broker.publish('inbox:a', roster('again'));
    expect(await near.until('inbox:a', 1)).toEqual([roster('again')]);
    await near.close();
    await proxy.close();
  });

  it('what was seen stands still from the break until the gap was made good', async () => {
    const madeGood = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    node.broker.listen(
      () => undefined,
      () => {
        told.resolve();
        return madeGood.promise;
      },
    );
    while (node.broker.seen() === 0) await turn();
    await server.kill9();
    while (node.link.up) await turn();
    await turn();
    const before = node.broker.seen();
    await server.restart();
    await told.promise;
    // Beats would be back within a few turns, and are not even sent.
    while (!node.link.up) await turn();
    for (let i = 0; i < 5; i++) {
      await node.link.command(null, 'PING');
      expect(node.broker.seen()).toBe(before);
    }
    madeGood.resolve();
    while (node.broker.seen() === before) await turn();
    expect(node.broker.seen()).toBeGreaterThan(before);
  });
});
