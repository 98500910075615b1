import { describe, expect, it } from 'vitest';
import { createSoundLine } from '../../../src/adapters/memory/cluster-line.ts';
import { createMemoryDirectory } from '../../../src/adapters/memory/directory.ts';
import { createStampSource } from '../../../src/core/presence/stamp.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';
import type { Draft } from '../../../src/runtime/channels/draft.ts';
import { type Publisher, createPublisher } from '../../../src/runtime/channels/publishing.ts';
import type { NodePorts } from '../../../src/runtime/node-options.ts';
import { appendOf } from '../../../src/testing/log-subject.ts';
import { channelSpec, createChannelHarness } from './channel-harness.ts';
import { createManyNodes } from './many-nodes.ts';

const SPEC = channelSpec('chat:{room}');

/** One node, and somebody beside its API who publishes what happened at a time. */
async function scene() {
  const told: (number | 'flush')[] = [];
  let publisher: Publisher | undefined;
  const harness = await createChannelHarness({
    channels: [SPEC],
    ports(ports: NodePorts) {
      publisher = createPublisher(
        { ports },
        () => false,
        () => undefined,
      );
      const telemetry: Telemetry = {
        ...ports.telemetry,
        feedDelivered: (lateMs) => void told.push(lateMs),
        flush: () => void told.push('flush'),
      };
      return { telemetry };
    },
  });
  async function publish(eventMs: number | undefined, changes: Partial<Draft> = {}): Promise<void> {
    const draft: Draft = {
      ...{ channel: 'chat:a', data: 'x', del: false, key: undefined, version: undefined, ttlMs: undefined },
      ...{ id: undefined, queue: undefined, number: undefined, expect: undefined, by: null },
      ...{ echo: undefined, ref: undefined, scope: undefined, eventMs, ...changes },
    };
    const result = await publisher?.publish(draft, { ok: true, spec: SPEC, params: { room: 'a' } });
    expect(result).toMatchObject({ ok: true });
  }
  async function follow(user: string) {
    const client = await harness.logIn(user);
    client.send({ t: 'sub', c: 'chat:a', i: 1 });
    await harness.clock.settle();
    client.take();
    return client;
  }
  return { ...harness, told, publish, follow };
}

describe('the time of events', () => {
  it('is told once for a publication, behind the flush that hands it to sockets, however many follow', async () => {
    const { clock, told, publish, follow } = await scene();
    const ann = await follow('ann');
    await follow('bob');
    told.length = 0;
    await publish(clock.nowMs() - 250);
    expect(told, 'nothing went out yet').toEqual([]);
    await clock.settle();
    expect(told).toEqual(['flush', 'flush', 250]);
    expect(ann.take(), 'no client is told').toEqual([
      { t: 'p', c: 'chat:a', o: 1, ts: clock.nowMs(), d: 'x' },
    ]);
  });

  it('each publication of a turn counts for itself, and those without a time do not', async () => {
    const { clock, told, publish, follow } = await scene();
    await follow('ann');
    told.length = 0;
    await publish(clock.nowMs() - 10);
    await publish(undefined);
    await publish(clock.nowMs() - 1_500);
    await clock.settle();
    expect(told).toEqual(['flush', 10, 1_500]);
    await publish(undefined);
    await clock.settle();
    expect(told).toEqual(['flush', 10, 1_500, 'flush']);
  });

  it('an event of the future is late by nothing, and what is no time is passed over', async () => {
    const { clock, told, publish, follow } = await scene();
    await follow('ann');
    told.length = 0;
    await publish(clock.nowMs() + 60_000);
    await publish(Number.NaN);
    await publish(Number.POSITIVE_INFINITY);
    await clock.settle();
    expect(told).toEqual(['flush', 0]);
  });

  it('nothing is told where nobody follows, nor of what a replay tells again', async () => {
    const { clock, told, publish, logIn } = await scene();
    await publish(clock.nowMs() - 10);
    await clock.settle();
    expect(told).toEqual([]);
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1, last: 5 });
    await clock.settle();
    expect(ann.last('ps')).toMatchObject({ ps: [{ o: 1 }] });
    expect(told.filter((each) => each !== 'flush')).toEqual([]);
  });

  it('each node with subscribers tells it once, whichever took the publication', async () => {
    const told: string[] = [];
    const nodes = await createManyNodes(['a', 'b', 'c'], {
      channels: [SPEC],
      telemetry: (node) => ({ feedDelivered: (lateMs) => void told.push(`${node} ${lateMs}`) }),
    });
    const { clock, cluster } = nodes;
    for (const name of ['a', 'b']) {
      const client = await nodes.node(name).logIn(`of ${name}`);
      client.send({ t: 'sub', c: 'chat:a', i: 1 });
    }
    await clock.settle();
    const [stamps, line, lastSeen] = [createStampSource(0), createSoundLine(), createMemoryDirectory()];
    const { log } = cluster.join({ node: 'taker', clock, stamps, line, lastSeen });
    await log.append(appendOf({ channel: 'chat:a', nowMs: clock.nowMs(), eventMs: clock.nowMs() - 7 }));
    await clock.settle();
    expect(told.toSorted()).toEqual(['a 7', 'b 7']);
  });
});
