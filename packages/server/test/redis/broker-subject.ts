import { createRedisBroker } from '../../src/adapters/redis/broker.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { createRedisLink } from '../../src/adapters/redis/link.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import type { Broker } from '../../src/ports/broker.ts';
import type { BrokerSubject } from '../../src/testing/broker-contract.ts';
import { linkDeps } from '../servers/open-link.ts';

/** More than there are servers: of so many topics, spread evenly, some are on each. */
const PROBES = 32;

/** A broker for the contract suite. What was published has come once a probe on each server is back. */
export async function brokerSubject(settings: RedisSettings): Promise<BrokerSubject> {
  const deps = linkDeps();
  const link = createRedisLink(settings, deps);
  const broker = createRedisBroker(link, settings, deps, 'contract');
  await link.open();
  await broker.open();
  const probes = probeTopics(settings.prefix);
  let round = 0;
  const under = new Map<string, () => void>();
  const listen: Broker['listen'] = (listener, onGap) =>
    broker.listen((topic, message) => {
      if (!probes.includes(topic)) listener(topic, message);
      else if (message.kind === 'roster') under.get(`${topic} ${message.user}`)?.();
    }, onGap);
  listen(() => undefined);
  await Promise.all(probes.map(async (topic) => broker.subscribe(topic)));
  return {
    broker: { ...broker, listen },
    async settle() {
      // Twice: what a listener published itself is behind the first probe.
      for (let times = 0; times < 2; times++) {
        const mine = String(round++);
        await Promise.all(
          probes.map(async (topic) => {
            const back = new Promise<void>((resolve) => under.set(`${topic} ${mine}`, resolve));
            await broker.publish(topic, { kind: 'roster', user: mine });
            await back;
          }),
        );
      }
    },
    async close() {
      await broker.close();
      await link.close();
    },
  };
}

/** Topics whose slots are spread evenly. */
function probeTopics(prefix: string): readonly string[] {
  const keys = createKeys(prefix);
  const bySection = new Map<number, string>();
  for (let n = 0; bySection.size < PROBES; n++) {
    const topic = `inbox:probe-${n}`;
    bySection.set(Math.floor((slotOf(keys.channel(topic)) * PROBES) / 16_384), topic);
  }
  return [...bySection.values()];
}
