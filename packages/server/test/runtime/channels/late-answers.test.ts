import { describe, expect, it } from 'vitest';
import type { Log } from '../../../src/ports/log.ts';
import type { PresenceStore } from '../../../src/ports/presence.ts';
import type { Harness } from '../harness.ts';
import { channelSpec, createChannelHarness } from './channel-harness.ts';

const room = channelSpec('room:{id}', { members: true });

/** The timers that are left behind the end of a node, once everything has had its time. */
async function timersLeft({ clock, node }: Harness, later: () => void): Promise<number> {
  await node.stop();
  later();
  await clock.settle();
  return clock.timers;
}

describe('answers that come late', () => {
  it('[MSG5] a `sub` whose subscription the app ends while the log is read is answered, once', async () => {
    let answer = (): void => {};
    const { logIn, clock, node } = await createChannelHarness({
      ports: ({ logs }) => ({
        logs: {
          ...logs,
          memory: {
            ...logs.memory,
            read: (...asked) =>
              new Promise((resolve) => (answer = () => resolve(logs.memory.read(...asked)))),
          },
        },
      }),
    });
    await node.publish({ channel: 'chat:a', data: 1 });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'chat:a', i: 1, e: 'epoch-1-1', o: 0 });
    await clock.settle();
    await node.unsubscribeUser('ann', 'chat:a');
    answer();
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { t: 'unsub', c: 'chat:a', code: 'forbidden' },
      { t: 'err', i: 1, code: 'forbidden' },
    ]);
    expect(node.counts()).toMatchObject({ channels: 0, subscriptions: 0 });
  });

  it('[SIG2] a schema that answers behind the last session leaves nobody watched', async () => {
    let answer = (): void => {};
    const topics = new Set<string>();
    const { logIn, clock } = await createChannelHarness({
      channels: [
        channelSpec('cursor:{doc}', {
          kind: 'signal',
          validate: (value) => new Promise((resolve) => (answer = () => resolve({ ok: true, value }))),
        }),
      ],
      ports: ({ broker }) => ({
        broker: {
          ...broker,
          subscribe(topic) {
            topics.add(topic);
            return broker.subscribe(topic);
          },
          unsubscribe(topic) {
            topics.delete(topic);
            broker.unsubscribe(topic);
          },
        },
      }),
    });
    const ann = await logIn('ann');
    ann.send({ t: 'pub', c: 'cursor:1', d: 1 });
    await clock.settle();
    ann.send({ t: 'logout' });
    await clock.settle();
    answer();
    await clock.settle();
    expect([...topics]).toEqual(['everyone']);
  });

  it('[MEM2] a reading that fails behind its session says nothing of the next session of the user', async () => {
    let fail = (): void => {};
    let readings = 0;
    const { logIn, clock } = await createChannelHarness({
      channels: [room],
      ports: ({ presence }) => ({
        presence: {
          ...presence,
          read(users) {
            if (users[0] !== 'ann' || ++readings > 1) return presence.read(users);
            return new Promise((_resolve, reject) => (fail = () => reject(new Error('no answer'))));
          },
        } satisfies PresenceStore,
      }),
    });
    const bob = await logIn('bob');
    bob.send({ t: 'sub', c: 'room:1', i: 1 });
    for (let i = 0; i < 2; i++) {
      const ann = await logIn('ann');
      ann.send({ t: 'sub', c: 'room:1', i: 1 });
      await clock.settle();
      if (i === 0) ann.send({ t: 'logout' });
      else {
        fail();
        await clock.settle();
        bob.take();
        ann.send({ t: 'statusUpdate', s: 'Invisible' });
      }
      await clock.settle();
    }
    expect(bob.take()).toEqual([{ t: 'leave', c: 'room:1', id: 'ann' }]);
  });
});

describe('behind the end of a node', () => {
  it('a log that could not be read is not asked again', async () => {
    let fail = (): void => {};
    const harness = await createChannelHarness({
      ports: ({ broker, logs }) => ({
        // Everything is lost, so that the log is read.
        broker: { ...broker, publish: () => undefined },
        logs: {
          ...logs,
          memory: {
            ...logs.memory,
            read: () => new Promise((_resolve, reject) => (fail = () => reject(new Error('closed')))),
          } satisfies Log,
        },
      }),
    });
    const ann = await harness.logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    ann.send({ t: 'pub', c: 'chat:a', d: 1 });
    await harness.clock.advance(10_000);
    expect(await timersLeft(harness, () => fail())).toBe(0);
  });

  it('keys that run out are not waited for', async () => {
    let answer = (): void => {};
    const harness = await createChannelHarness({
      channels: [channelSpec('chat:{room}', { kind: 'map' })],
      ports: ({ logs }) => ({
        logs: {
          ...logs,
          memory: {
            ...logs.memory,
            expire: () => new Promise((resolve) => (answer = () => resolve([]))),
          } satisfies Log,
        },
      }),
    });
    await harness.node.publish({ channel: 'chat:a', key: 'k', data: 1, ttlMs: 1_000 });
    await harness.clock.advance(1_000);
    expect(await timersLeft(harness, () => answer())).toBe(0);
  });

  it('a right that a rule gives anew is not watched', async () => {
    let asked = 0;
    let answer = (): void => {};
    const harness = await createChannelHarness({
      decide: () => {
        const allow = { allow: true, untilMs: harness.clock.nowMs() + 5_000 } as const;
        return ++asked === 1 ? allow : new Promise((resolve) => (answer = () => resolve(allow)));
      },
    });
    const ann = await harness.logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await harness.clock.advance(6_000);
    expect(asked).toBe(2);
    expect(await timersLeft(harness, () => answer())).toBe(0);
  });
});
