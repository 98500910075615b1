import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import type { PublishingLog } from '../../src/ports/log.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisCluster, moveSlot, startRedisCluster } from '../servers/redis-cluster.ts';
import { openLogNode } from './log-nodes.ts';
import {
  type Fates,
  AT_ONCE,
  CHANNELS,
  allOf,
  everythingIsThereOnce,
  noPositionTwice,
  numbered,
  publishAll,
  publishUntilItFails,
  unknownOf,
} from './log-publishers.ts';

/** Publishers while slots move: as many as leave the histories below what is kept of them. */
const PUBLISHERS = 10;

describe('the log when a Cluster changes under load', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 60_000);
  afterAll(() => cluster.stop());

  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function node(prefix: string): Promise<PublishingLog> {
    const nodes = cluster.nodes.filter(({ running }) => running).map(({ host, port }) => ({ host, port }));
    const link = await openLink(nodes[0]!.port, { prefix, topology: { kind: 'cluster', nodes } });
    closing.push(() => link.close());
    return openLogNode(link, { prefix }).log;
  }

  const slotOfChannel = (prefix: string, channel: string) =>
    slotOf(createKeys(prefix).channel(`channel:${channel}`));

  it('slots that move, each to another server: nothing is lost or there twice, and offsets go on', async () => {
    const prefix = 'moved:';
    const log = await node(prefix);
    const epochs = new Map<string, string>();
    for (const channel of CHANNELS) epochs.set(channel, (await log.top(channel)).epoch);
    let inFlight = 0;
    let moving = true;
    let underWay = 0;
    const fates: Fates = new Map();
    const publish = Promise.all(
      Array.from({ length: PUBLISHERS }, async (_, publisher) => {
        for (let n = publisher; moving; n += PUBLISHERS) {
          inFlight++;
          fates.set(n, null);
          try {
            fates.set(n, await log.append(numbered(n)));
          } catch (error) {
            // Refused while its slot is half here and half there: to be repeated, like one that was lost.
            expect(isStoreUnavailable(error), String(error)).toBe(true);
          }
          inFlight--;
          // What is refused at once must not keep the line from being made anew.
          await nextTurn();
        }
      }),
    );
    for (const channel of CHANNELS) {
      const slot = slotOfChannel(prefix, channel);
      await cluster.settled();
      const from = await cluster.primaryOf(slot);
      const primaries = await Promise.all([100, 8_000, 16_000].map((other) => cluster.primaryOf(other)));
      await moveSlot(
        cluster,
        slot,
        primaries.find((primary) => primary !== from)!,
        async () => {
          underWay += inFlight;
        },
      );
    }
    moving = false;
    await publish;
    expect(underWay, 'appends in flight while the slots moved').toBeGreaterThan(CHANNELS.length);
    const again = await node(prefix);
    // Where the server is another one nobody can say that nothing is missing.
    for (const channel of CHANNELS) expect((await again.top(channel)).epoch).not.toBe(epochs.get(channel));
    await everythingIsThereOnce(again, fates);
  }, 60_000);

  it('[REC1] a primary that is killed: a new epoch where its replica took over, and no offset twice under one', async () => {
    const prefix = 'killed:';
    const log = await node(prefix);
    const first = await publishAll(log, 2);
    const primary = await cluster.primaryOf(slotOfChannel(prefix, 'chat:1'));
    const before = await log.top('chat:1');
    let killed: Promise<void> | undefined;
    const second = await publishUntilItFails(log, (count) => {
      if (count === 400) killed = primary.kill9();
    });
    await killed;
    expect(unknownOf(second), 'appends in flight when it was killed').toHaveLength(AT_ONCE);
    await cluster.settled();
    const again = await node(prefix);
    expect((await again.top('chat:1')).epoch).not.toBe(before.epoch);
    const third = await publishAll(again, 3);
    noPositionTwice([first, second, third]);
    const all = [...(await allOf(again)).values()].flat().map(({ data }) => data);
    expect(new Set(all).size, 'each once').toBe(all.length);
    await primary.restart();
    await cluster.settled();
  }, 60_000);
});
