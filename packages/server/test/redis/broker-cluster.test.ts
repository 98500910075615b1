import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import type { NodeMessage } from '../../src/ports/broker.ts';
import { brokerContract } from '../../src/testing/broker-contract.ts';
import { redisSettings } from '../servers/open-link.ts';
import { moveSlot, type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { type BrokerNode, openNode } from './broker-nodes.ts';
import { brokerSubject } from './broker-subject.ts';

const roster = (user: string): NodeMessage => ({ kind: 'roster', user });
const keys = createKeys('carillon:');

let cluster: RedisCluster;
const settings = (): RedisSettings =>
  redisSettings(0, {
    topology: { kind: 'cluster', nodes: cluster.nodes.map(({ host, port }) => ({ host, port })) },
  });
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 120_000);
afterAll(() => cluster.stop());

brokerContract('Redis Cluster', () => brokerSubject(settings()));

describe('brokers of two nodes on a Cluster', () => {
  let one: BrokerNode;
  let other: BrokerNode;
  beforeEach(async () => {
    [one, other] = [await openNode(settings()), await openNode(settings())];
  });
  afterEach(async () => {
    await one.close();
    await other.close();
  });

  /** A topic on each of the primaries. */
  async function topics(): Promise<readonly string[]> {
    const found = new Map<number, string>();
    for (let n = 0; found.size < 3; n++) {
      const topic = `inbox:u${n}`;
      found.set((await cluster.primaryOf(slotOf(keys.channel(topic)))).port, topic);
    }
    return [...found.values()];
  }

  it('messages of every server come, and beats of all of them move what was seen on', async () => {
    for (const topic of await topics()) {
      await other.broker.subscribe(topic);
      const sent = Array.from({ length: 20 }, (_, i) => roster(`${topic} ${i}`));
      await Promise.all(sent.map(async (message) => one.broker.publish(topic, message)));
      expect(await other.until(topic, sent.length)).toEqual(sent);
    }
    while (one.broker.seen() === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(one.broker.seen()).toBeLessThanOrEqual(Date.now() * 1_000);
  });

  it('a slot that is moved takes its topics with it: a gap is told, and messages come again, each once', async () => {
    const [topic] = await topics();
    const slot = slotOf(keys.channel(topic!));
    const from = await cluster.primaryOf(slot);
    await other.broker.subscribe(topic!);
    const gap = other.nextGap();
    await moveSlot(
      cluster,
      slot,
      cluster.nodes.slice(0, 3).find((node) => node !== from)!,
    );
    await gap;
    for (let i = 0; i < 20; i++) await one.broker.publish(topic!, roster(String(i)));
    const came = await other.until(topic!, 20);
    expect(came).toEqual(Array.from({ length: 20 }, (_, i) => roster(String(i))));
  });

  it('a primary that is killed: its topics are subscribed at the replica, then one gap is told', async () => {
    const all = await topics();
    for (const topic of all) await other.broker.subscribe(topic);
    const gap = other.nextGap();
    const up = Promise.withResolvers<void>();
    one.link.onUp(async () => up.resolve());
    await (await cluster.primaryOf(slotOf(keys.channel(all[1]!)))).kill9();
    await gap;
    await up.promise;
    while (!one.link.up) await new Promise((resolve) => setImmediate(resolve));
    for (const topic of all) {
      await one.broker.publish(topic, roster(topic));
      expect(await other.until(topic, 1)).toEqual([roster(topic)]);
    }
    expect(other.gaps).toBe(1);
  }, 120_000);
});
