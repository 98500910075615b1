import { afterAll, beforeAll, describe, it, type TestContext, vi } from 'vitest';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import type { Source } from '../../src/ports/source.ts';
import { type KafkaCluster, startKafka } from '../servers/kafka-cluster.ts';
import { type ConsumerOrders, type ConsumerProcess, startConsumer } from './consumer-process.ts';
import { eventually, message, newName, optionsFor, quickTiming } from './kafka-kit.ts';
import { applied, createGate, createLiteralIntake, type LiteralIntake, textOf } from './literal-intake.ts';

// Joining a group of the mock cluster takes three seconds and more; a busy machine has all the time it wants.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let kafka: KafkaCluster;
beforeAll(async () => {
  kafka = await startKafka(3);
});
afterAll(() => kafka.stop());

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

function start(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  orders: ConsumerOrders,
): ConsumerProcess {
  const consumer = startConsumer(orders);
  onTestFinished(() => consumer.kill());
  return consumer;
}

describe.concurrent('a consumer group', () => {
  it('kill -9 amid events: what was not committed is brought again, and only what had its verdict was committed', async (test) => {
    const see = test.expect;
    const [topic, groupId] = [newName('topic'), newName('group')];
    await kafka.createTopic(topic, 2);
    await kafka.produce(
      topic,
      numbers(200).map((number) => message(number % 2, `${number}`)),
    );
    const orders = { ...kafka, topics: [topic], groupId, inFlight: 40, withholdEvery: 9 };
    const first = start(test, orders);
    // It stands still once 40 are withheld; it dies well before it was brought all there is.
    await first.until((said) => said.filter(({ done }) => done).length >= 60);
    await first.kill();
    const done = new Set(first.said.filter((one) => one.done).map(({ value }) => value));
    const committed = [await kafka.committed(groupId, topic, 0), await kafka.committed(groupId, topic, 1)];
    for (const number of numbers(200)) {
      const offset = Math.floor(number / 2);
      if (offset < (committed[number % 2] ?? 0))
        see(done, 'what is committed had its verdict').toContain(`${number}`);
    }
    const second = start(test, { ...orders, withholdEvery: 0 });
    const due = numbers(200).filter((number) => Math.floor(number / 2) >= (committed[number % 2] ?? 0));
    await second.until((said) => said.filter((one) => one.done).length >= due.length);
    see(
      second.said
        .filter((one) => one.done)
        .map(({ value }) => Number(value))
        .toSorted((a, b) => a - b),
    ).toEqual(due);
    await eventually(async () => (await kafka.committed(groupId, topic, 0)) === 100);
  });

  it('a group of three of which one is killed loses nothing, and keeps the order of each partition', async (test) => {
    const see = test.expect;
    const [topic, groupId] = [newName('topic'), newName('group')];
    await kafka.createTopic(topic, 6);
    const orders = { ...kafka, topics: [topic], groupId, inFlight: 50, withholdEvery: 0 };
    const nodes = [0, 1, 2].map(() => start(test, orders));
    const produce = (from: number): Promise<void> =>
      kafka.produce(
        topic,
        numbers(300).map((number) => message(number % 6, `${from + number}`)),
      );
    await produce(0);
    const all = (): ReadonlySet<string> =>
      new Set(nodes.flatMap(({ said }) => said.filter(({ done }) => done).map(({ value }) => value)));
    await eventually(() => all().size === 300);
    // Each has a part of it once all have joined.
    for (let from = 300; nodes.some(({ said }) => said.length === 0); from += 300) await produce(from);
    const victim = nodes[1]!;
    const before = victim.said.length;
    await produce(100_000);
    await victim.until((said) => said.length > before);
    await victim.kill();
    await produce(200_000);
    await eventually(() =>
      numbers(300).every((number) => all().has(`${100_000 + number}`) && all().has(`${200_000 + number}`)),
    );
    for (const { said } of nodes.filter((node) => node !== victim)) {
      const lanes = new Map<string, number[]>();
      for (const { lane, offset, done } of said)
        if (done) lanes.set(lane, [...(lanes.get(lane) ?? []), offset]);
      for (const [lane, offsets] of lanes) {
        const firsts = [...new Set(offsets)];
        see(firsts, lane).toEqual(firsts.toSorted((one, other) => one - other));
      }
    }
  });

  it('a partition that is taken away stops being brought; what is in flight of it is neither lost nor committed', async (test) => {
    const see = test.expect;
    const [topic, groupId] = [newName('topic'), newName('group')];
    await kafka.createTopic(topic, 2);
    const gate = createGate();
    const held = createLiteralIntake(() => gate.opened.then(() => applied));
    const begin = async (intake: LiteralIntake): Promise<Source> => {
      const options = optionsFor(kafka, { topics: [topic], groupId, inFlight: 10 });
      const source = createKafkaSource(options, { ...quickTiming, stopMs: 500 });
      test.onTestFinished(() => source.stop());
      await source.start(intake);
      return source;
    };
    const first = await begin(held);
    await kafka.produce(
      topic,
      numbers(40).map((number) => message(number % 2, `${number}`)),
    );
    await held.until(() => held.open === 10);
    const never = createLiteralIntake(() => new Promise(() => undefined));
    const second = await begin(never);
    // The group divides the two partitions between the two.
    await eventually(() => first.positions().length === 1 && second.positions().length === 1);
    const taken = Number(second.positions()[0]?.partition);
    const kept = 1 - taken;
    await never.until(() => never.open === 10);
    see(never.taken.map(textOf)).toEqual(numbers(10).map((number) => `${number * 2 + taken}`));
    const ofTaken = (): number => held.taken.filter(({ lane }) => lane === `${topic}/${taken}`).length;
    const before = ofTaken();
    gate.open();
    await eventually(async () => (await kafka.committed(groupId, topic, kept)) === 20);
    see(ofTaken(), 'brought of the partition after it was taken away').toBe(before);
    see(
      await kafka.committed(groupId, topic, taken),
      'the verdicts came when it was no longer ours',
    ).toBeLessThan(1);
  });
});
