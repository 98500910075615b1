import { expect } from 'vitest';
import { openClusterScene } from '../faults/cluster/cluster-scene.ts';
import { type KafkaMessage, startKafka } from '../servers/kafka-cluster.ts';
import { type BareClient, connectBare, type Wire } from '../wire/scene/bare-client.ts';
import { eventually, message, newName } from './kafka-kit.ts';

const CONTRACT = new URL('../../../contract/src/index.ts', import.meta.url).href;

/** The user's own stream, kept whole; an event without a number is none. */
const configModule = (topic: string): string => `
import { defineContract, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const event = { '~standard': { version: 1, vendor: 'test', validate: (value) =>
  typeof value?.n === 'number' ? { value } : { issues: [{ message: 'n is missing' }] } } };
export default {
  contract: defineContract({
    channels: { 'told:{user}': stream({ data, durability: 'memory', history: { count: 1_000_000, units: 1_000_000_000 } }) },
  }),
  feeds: { topics: { '${topic}': { schema: event, map: ({ data: { user, n } }) => ({
    channel: 'told:{user}', params: { user }, value: { user, n } }) } } },
};
`;

export type FeedRun = {
  readonly events: number;
  readonly users: number;
  readonly partitions: number;
};

/** What stands in the topic, in its order: of a user the numbers from 0 on, some twice, and poison between. */
function planEvents({ events, users }: FeedRun) {
  const next = new Map<string, number>();
  const plan: {
    readonly user: string;
    readonly value: string;
    readonly kind: 'valid' | 'twice' | 'poison';
  }[] = [];
  for (let at = 0; plan.length < events; at++) {
    const user = `u${(at * 7) % users}`;
    const n = next.get(user) ?? 0;
    if (at % 100 === 50) {
      plan.push({
        user,
        value: at % 200 === 50 ? `{"id":"p${at}","user":"${user}"}` : 'no JSON',
        kind: 'poison',
      });
      continue;
    }
    const value = JSON.stringify({ id: `${user}-${n}`, user, n });
    next.set(user, n + 1);
    plan.push({ user, value, kind: 'valid' });
    // The producer says it again, at another offset.
    if (at % 20 === 3) plan.push({ user, value, kind: 'twice' });
  }
  return { plan, numbers: next };
}

type Watcher = { readonly user: string; readonly client: BareClient; readonly heard: number[] };

async function watch(port: number, user: string): Promise<Watcher> {
  const client = await connectBare(port);
  await client.logIn(user);
  const heard: number[] = [];
  client.onMessage = ({ t, c, d }: Wire) => {
    if (t !== 'p' && t !== 'ps') return;
    const { user: whose, n } = d as { user: string; n: number };
    expect(c, 'nothing of one user on a session of another').toBe(`told:${user}`);
    expect(whose).toBe(user);
    heard.push(n);
  };
  client.send({ t: 'sub', i: 1, c: `told:${user}` });
  await client.waitFor('the subscription', ({ t, i }) => t === 'ok' && i === 1);
  return { user, client, heard };
}

/**
 * Three nodes over one Redis and three brokers, of which one each goes in the middle of it: a node by kill -9 for good, a broker
 * comes back. Every valid event is on its user's sessions once and in its order, and nothing is on anybody else's.
 */
export async function runFeed(run: FeedRun): Promise<void> {
  const kafka = await startKafka(3);
  const [topic, deadLetterTopic] = [newName('task-updates'), newName('dead')];
  await kafka.createTopic(topic, run.partitions);
  await kafka.createTopic(deadLetterTopic, 1);
  const scene = await openClusterScene({
    configModule: configModule(topic),
    settings: {
      CARILLON_KAFKA_BROKERS: kafka.brokers.join(','),
      CARILLON_FEEDS_KAFKA_GROUP_ID: newName('group'),
      // How long the node that is killed is waited for.
      CARILLON_FEEDS_KAFKA_SESSION_MS: '6000',
      CARILLON_FEEDS_KAFKA_DEAD_LETTER_TOPIC: deadLetterTopic,
    },
  });
  try {
    const { plan, numbers } = planEvents(run);
    const part = (from: number, to: number): readonly KafkaMessage[] =>
      plan
        .slice(Math.floor(from * plan.length), Math.floor(to * plan.length))
        .map(({ user, value }) => message(-1, value, user));
    // On the nodes that stay: what they hear is all there is.
    const watchers = await Promise.all(
      [...numbers.keys()].map((user, at) => watch(scene.nodes[at % 2 === 0 ? 0 : 2]!.port, user)),
    );
    const heard = (): number => watchers.reduce((sum, { heard: all }) => sum + all.length, 0);

    await kafka.produce(topic, part(0, 0.2));
    await eventually(() => heard() > 0);
    await kafka.produce(topic, part(0.2, 0.5));
    await kafka.takeDown(2);
    const before = heard();
    await scene.nodes[1]!.end('SIGKILL');
    const valid = plan.filter(({ kind }) => kind === 'valid').length;
    expect(before, 'events on their way when a node and a broker went').toBeLessThan(valid * 0.5);
    // What belongs to the broker that is down waits in the producer.
    const rest = part(0.5, 1);
    await kafka.queue(topic, rest);
    await eventually(() => heard() > before);
    await kafka.bringUp(2);
    await kafka.flush(rest.length);
    await eventually(() => heard() >= valid);

    for (const { user, client, heard: all } of watchers) {
      await client.settle();
      expect(all, user).toEqual(Array.from({ length: numbers.get(user) ?? 0 }, (_, n) => n));
      expect(client.received.filter(({ t }) => t === 'gap')).toEqual([]);
    }
    const poison = plan.filter(({ kind }) => kind === 'poison');
    await eventually(async () => (await kafka.read(deadLetterTopic, 1)).length >= poison.length);
    const letters = await kafka.read(deadLetterTopic, 1);
    const places = new Set(letters.map(({ headers }) => new Map(headers).get('carillon-place')));
    expect(places.size, 'poison, each by its place').toBe(poison.length);
    expect(new Set(letters.map(({ headers }) => new Map(headers).get('carillon-error-code')))).toEqual(
      new Set(['event_invalid', 'event_unreadable']),
    );
    for (const { client } of watchers) client.drop();
  } finally {
    await scene.close();
    await kafka.stop();
  }
}
