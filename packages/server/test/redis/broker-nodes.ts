import { createRedisBroker, type RedisBroker } from '../../src/adapters/redis/broker.ts';
import { createRedisLink } from '../../src/adapters/redis/link.ts';
import type { RedisLinkDeps } from '../../src/adapters/redis/link-deps.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import type { NodeMessage } from '../../src/ports/broker.ts';
import { linkDeps } from '../servers/open-link.ts';
import { within } from '../wire/scene/within.ts';

type Received = { readonly topic: string; readonly message: NodeMessage };

/** A node's broker with what it received. */
export type BrokerNode = {
  readonly broker: RedisBroker;
  readonly link: RedisLink;
  readonly received: readonly Received[];
  readonly gaps: number;
  /** Resolves with the next gap that is told. */
  nextGap(): Promise<void>;
  /** Resolves once so many messages of a topic have come. */
  until(topic: string, count: number): Promise<readonly NodeMessage[]>;
  close(): Promise<void>;
};

let nodes = 0;

/** @param linkSettings for the line of commands, where that is to go another way than the messages */
export async function openNode(
  settings: RedisSettings,
  deps: RedisLinkDeps = linkDeps(),
  linkSettings: RedisSettings = settings,
): Promise<BrokerNode> {
  const link = createRedisLink(linkSettings, deps);
  const broker = createRedisBroker(link, settings, deps, `node-${nodes++}`);
  const received: Received[] = [];
  let gaps = 0;
  let gap = Promise.withResolvers<void>();
  let waiting: { check(): void }[] = [];
  broker.listen(
    (topic, message) => {
      received.push({ topic, message });
      for (const { check } of [...waiting]) check();
    },
    () => {
      gaps++;
      gap.resolve();
      gap = Promise.withResolvers();
    },
  );
  await link.open();
  await broker.open();
  return {
    broker,
    link,
    received,
    get gaps() {
      return gaps;
    },
    nextGap: () => within(gap.promise, 'a gap is told', () => '', 60_000),
    until(topic, count) {
      const { promise, resolve } = Promise.withResolvers<readonly NodeMessage[]>();
      const entry = {
        check(): void {
          const there = received.filter((one) => one.topic === topic).map(({ message }) => message);
          if (there.length < count) return;
          waiting = waiting.filter((one) => one !== entry);
          resolve(there);
        },
      };
      waiting.push(entry);
      entry.check();
      return within(promise, `${count} messages came on ${topic}`, () => JSON.stringify(received.slice(-5)));
    },
    async close() {
      await broker.close();
      await link.close();
    },
  };
}
