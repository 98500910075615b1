import { describe, expect, it } from 'vitest';
import type { Log } from '../../../src/ports/log.ts';
import { channelSpec, createChannelHarness } from './channel-harness.ts';

describe('what a log is asked', () => {
  it('[REC3] what came early and was then read from the log is not read for again', async () => {
    let reads = 0;
    let lost = true;
    const { logIn, clock, node } = await createChannelHarness({
      ports: ({ broker, logs }) => ({
        broker: {
          ...broker,
          publish(topic, message) {
            if (message.kind === 'publication' && lost) return undefined;
            return broker.publish(topic, message);
          },
        },
        logs: {
          ...logs,
          memory: {
            ...logs.memory,
            read(...asked) {
              reads++;
              return logs.memory.read(...asked);
            },
          } satisfies Log,
        },
      }),
    });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    ann.take();
    await node.publish({ channel: 'chat:a', data: 1 });
    lost = false;
    await node.publish({ channel: 'chat:a', data: 2 });
    await clock.advance(60_000);
    expect(ann.take().filter(({ t }) => t === 'p')).toMatchObject([{ o: 1 }, { o: 2 }]);
    expect(reads).toBe(1);
  });

  it('[REC1] a replay since a time, from which an older one is missing, is not given to who asks for all', async () => {
    const { logIn, clock, node } = await createChannelHarness({});
    const startMs = clock.nowMs();
    await node.publish({ channel: 'chat:a', data: 1 });
    clock.stepWall(-1_000);
    await node.publish({ channel: 'chat:a', data: 2 });
    clock.stepWall(1_000);
    await node.publish({ channel: 'chat:a', data: 3 });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1, since: startMs });
    await clock.settle();
    expect(ann.last('ps')).toMatchObject({ ps: [{ o: 1 }, { o: 3 }] });
    const bob = await logIn('bob');
    bob.send({ t: 'sub', c: 'chat:a', i: 1, e: ann.last('ok')?.['e'], o: 0 });
    await clock.settle();
    expect(bob.last('ok')).toMatchObject({ rec: true });
    expect(bob.last('ps')).toMatchObject({ ps: [{ o: 1 }, { o: 2 }, { o: 3 }] });
  });

  it('[MAP4] a log that cannot say what ran out is asked once a second, and goes on once it can', async () => {
    let asked = 0;
    let failing = true;
    const { logIn, clock, node } = await createChannelHarness({
      channels: [channelSpec('chat:{room}', { kind: 'map' })],
      ports: ({ logs }) => ({
        logs: {
          ...logs,
          memory: {
            ...logs.memory,
            expire(...due) {
              asked++;
              return failing ? Promise.reject(new Error('no')) : logs.memory.expire(...due);
            },
          } satisfies Log,
        },
      }),
    });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await node.publish({ channel: 'chat:a', key: 'k', data: 1, ttlMs: 1_000 });
    await clock.advance(10_000);
    expect(asked).toBe(10);
    failing = false;
    await clock.advance(1_000);
    expect(ann.last('p')).toMatchObject({ k: 'k', del: true, o: 2 });
  });

  it('the tops of many channels are compared in pieces, and all of them are', async () => {
    const many = 1_200;
    const asked: string[] = [];
    const turns: number[] = [];
    let comparing = false;
    const { logIn, clock } = await createChannelHarness({
      settings: {
        messageRate: { perSecond: 1e6, burst: 1e6 },
        subscriptionsPerSession: many,
        publicationsInFlight: many,
      },
      ports: ({ clock: real, logs }) => ({
        clock: {
          ...real,
          defer(run) {
            turns.push(asked.length);
            real.defer(run);
          },
        },
        logs: {
          ...logs,
          memory: {
            ...logs.memory,
            top(channel) {
              if (comparing) asked.push(channel);
              return logs.memory.top(channel);
            },
          } satisfies Log,
        },
      }),
    });
    const ann = await logIn('ann');
    for (let i = 0; i < many; i++) ann.send({ t: 'sub', c: `chat:${i}`, i });
    await clock.settle();
    comparing = true;
    turns.length = 0;
    await clock.advance(10_000);
    expect(new Set(asked).size).toBe(many);
    expect(turns.filter((at, i) => at !== turns[i - 1])).toEqual([500, 1_000]);
  });

  it('[PUB6] a channel whose rate is spent is not let off because many others are published on', async () => {
    const rate = { perSecond: 1, burst: 1 };
    const { clock, node } = await createChannelHarness({ channels: [channelSpec('chat:{room}', { rate })] });
    const publish = (channel: string) => node.publish({ channel, data: 1 });
    expect(await publish('chat:a')).toMatchObject({ ok: true });
    for (let i = 0; i < 10_001; i++) await publish(`chat:other-${i}`);
    expect(await publish('chat:a')).toMatchObject({
      code: 'rate_limited',
      particulars: { retryAfterMs: 1_000 },
    });
    await clock.advance(1_000);
    expect(await publish('chat:a')).toMatchObject({ ok: true });
  });
});
