import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Broker, NodeMessage } from '../../../src/ports/broker.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Log } from '../../../src/ports/log.ts';
import type { BareClient, Wire } from '../harness.ts';
import { channelSpec, createChannelHarness } from './channel-harness.ts';

/** What happens to one message on its way, or to one answer of the log. */
type Fate = { readonly delayMs: number; readonly lost: boolean; readonly twice: boolean };

/** A broker that loses, repeats, delays and overtakes publications, as a shared one does. */
function faultyBroker(broker: Broker, clock: Clock, fate: () => Fate): Broker {
  function later(topic: string, message: NodeMessage, delayMs: number): void {
    clock.setTimer(delayMs, () => void broker.publish(topic, message));
  }
  return {
    subscribe: (topic) => broker.subscribe(topic),
    unsubscribe: (topic) => broker.unsubscribe(topic),
    listen: (listener) => broker.listen(listener),
    publish(topic, message) {
      if (message.kind !== 'publication') return broker.publish(topic, message);
      const { delayMs, lost, twice } = fate();
      if (!lost) later(topic, message, delayMs);
      if (twice) later(topic, message, delayMs + 7);
      return Promise.resolve();
    },
  };
}

/** A log that takes its time: appends in their order, readings at the moment of their answer or of their request. */
function distantLog(log: Log, clock: Clock, fate: () => Fate): Log {
  const after = <T>(read: () => T): Promise<T> =>
    new Promise((resolve) => clock.setTimer(fate().delayMs, () => resolve(read())));
  return {
    ...log,
    top: (channel) => after(() => log.top(channel)) as Promise<never>,
    read(channel, position, retention, nowMs) {
      // Half of the answers are old when they arrive.
      const atOnce = log.read(channel, position, retention, nowMs);
      return after(() =>
        fate().twice ? log.read(channel, position, retention, nowMs) : atOnce,
      ) as Promise<never>;
    },
    append: (append) => log.append(append),
    history: (...args) => log.history(...args),
  };
}

/** What a subscriber holds, by the rules of PROTOCOL.md alone. Says what broke them. */
function createSubscriber(client: BareClient, before = { subscribed: false, e: '', o: 0 }) {
  let read = 0;
  let epoch = before.e;
  let offset = before.o;
  let { subscribed } = before;
  const problems: string[] = [];

  function apply(o: number, d: unknown): void {
    if (o !== offset + 1) problems.push(`${o} behind ${offset}`);
    if (d !== undefined && d !== `payload ${o}`) problems.push(`${o} carries ${JSON.stringify(d)}`);
    offset = o;
  }

  function take(message: Wire): void {
    const o = message['o'] as number;
    switch (message.t) {
      case 'ok':
        if (message['e'] === undefined || message['i'] !== 1) return;
        subscribed = true;
        if (message['rec'] !== true) offset = o;
        epoch = message['e'] as string;
        return;
      case 'ps':
        for (const item of message['ps'] as { o: number; d: unknown }[]) apply(item.o, item.d);
        return;
      case 'p':
        apply(o, message['d']);
        return;
      case 'gap':
        offset = o;
        epoch = message['e'] as string;
    }
  }

  return {
    problems,
    position() {
      for (; read < client.received.length; read++) take(client.received[read] as Wire);
      return { subscribed, e: epoch, o: offset };
    },
  };
}

type Step =
  | { readonly do: 'publish'; readonly times: number }
  | { readonly do: 'cut'; readonly who: number; readonly awayMs: number; readonly missed: number }
  | { readonly do: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('publish' as const), times: fc.integer({ min: 1, max: 20 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      who: fc.integer({ min: 0, max: 2 }),
      awayMs: fc.integer({ min: 0, max: 300 }),
      missed: fc.integer({ min: 0, max: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 400 }) }),
  },
);

const fates = fc.infiniteStream(
  fc.record({
    delayMs: fc.integer({ min: 0, max: 120 }),
    lost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    twice: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  }),
);

it.each([
  ['kept whole', 10_000],
  ['trimmed early', 8],
])(
  '[REC1] [REC3] over a broker that loses, repeats and reorders, each subscriber has everything in order or was told: %s',
  async (_name, count) => {
    const spec = channelSpec('chat:{room}', {
      retention: { count, ageMs: 3_600_000, units: 1_000_000, keys: 1, onceMs: 300_000 },
      rate: { perSecond: 1e6, burst: 1e6 },
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 3, maxLength: 25, size: 'max' }),
        fates,
        async (steps, stream) => {
          const fate = (): Fate => stream.next().value;
          const harness = await createChannelHarness({
            channels: [spec],
            settings: { messageRate: { perSecond: 1e6, burst: 1e6 } },
            ports: ({ broker, clock, logs }) => ({
              broker: faultyBroker(broker, clock, fate),
              logs: { ...logs, memory: distantLog(logs.memory, clock, fate) },
            }),
          });
          const { clock } = harness;
          let published = 0;
          const clients: { client: BareClient; subscriber: ReturnType<typeof createSubscriber> }[] = [];
          for (const name of ['ann', 'bob', 'cem']) {
            const client = await harness.logIn(name);
            client.send({ t: 'sub', c: 'chat:a', i: 1 });
            clients.push({ client, subscriber: createSubscriber(client) });
          }
          const publisher = await harness.logIn('publisher');
          function publish(times: number): void {
            for (let i = 0; i < times; i++)
              publisher.send({ t: 'pub', c: 'chat:a', d: `payload ${++published}` });
          }

          for (const next of steps) {
            if (next.do === 'wait') await clock.advance(next.ms);
            else if (next.do === 'publish') publish(next.times);
            else {
              const old = clients[next.who];
              if (old === undefined) continue;
              const position = old.subscriber.position();
              const { subscribed, e, o } = position;
              expect(old.subscriber.problems).toEqual([]);
              old.client.drop();
              publish(next.missed);
              await clock.advance(next.awayMs);
              publish(next.missed);
              const token = old.client.last('token')?.['token'];
              const client = await harness.logIn(['ann', 'bob', 'cem'][next.who] ?? '', { resume: token });
              client.send({ t: 'sub', c: 'chat:a', i: 1, ...(subscribed ? { e, o } : {}) });
              clients[next.who] = { client, subscriber: createSubscriber(client, position) };
            }
          }
          await clock.advance(60_000);
          for (const { subscriber, client } of clients) {
            expect(subscriber.position()).toMatchObject({ subscribed: true, o: published });
            expect(subscriber.problems, JSON.stringify(client.received.slice(-30))).toEqual([]);
          }
          await harness.node.stop();
        },
      ),
      { numRuns: 150 },
    );
  },
);
