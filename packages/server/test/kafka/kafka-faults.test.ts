import { describe, it, type TestContext, vi } from 'vitest';
import type { KafkaSourceOptions } from '../../src/adapters/kafka/kafka-settings.ts';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import type { Source } from '../../src/ports/source.ts';
import { api, type KafkaCluster, onRealKafka, startKafka } from '../servers/kafka-cluster.ts';
import { createWarnings, eventually, message, newName, optionsFor, quickTiming } from './kafka-kit.ts';
import { applied, createGate, createLiteralIntake, type LiteralIntake, textOf } from './literal-intake.ts';

// Joining a group of the mock cluster takes three seconds and more; a busy machine has all the time it wants.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** Error codes of Kafka's protocol; the last is librdkafka's for cutting the connection. */
const [
  MESSAGE_TOO_LARGE,
  NO_COORDINATOR,
  NOT_COORDINATOR,
  NOT_ENOUGH_REPLICAS,
  ILLEGAL_GENERATION,
  UNKNOWN_MEMBER,
  CUT,
] = [10, 15, 16, 19, 22, 25, -195];

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** Tests run side by side: what one opens ends with itself. */
type Test = Pick<TestContext, 'expect' | 'onTestFinished'>;

async function openCluster({ onTestFinished }: Test, brokers: number): Promise<KafkaCluster> {
  const kafka = await startKafka(brokers);
  onTestFinished(() => kafka.stop());
  return kafka;
}

async function begin(
  { onTestFinished }: Test,
  kafka: KafkaCluster,
  intake: LiteralIntake,
  options: Pick<KafkaSourceOptions, 'topics' | 'groupId'> & Partial<KafkaSourceOptions>,
): Promise<Source> {
  const source = createKafkaSource(optionsFor(kafka, options), { ...quickTiming, stopMs: 500 });
  onTestFinished(() => source.stop());
  await source.start(intake);
  return source;
}

const committedSum = async (kafka: KafkaCluster, group: string, topic: string, partitions: number) => {
  let sum = 0;
  for (let partition = 0; partition < partitions; partition++)
    sum += Math.max(0, await kafka.committed(group, topic, partition));
  return sum;
};

/** What the mock alone can be told to do: `KAFKA_BROKERS` names a cluster that is not ours to break. */
if (!onRealKafka)
  describe.concurrent('troubles of Kafka', () => {
    it('a broker that is killed and restarted under load loses nothing, and the others go on', async (test) => {
      const see = test.expect;
      const kafka = await openCluster(test, 3);
      const [topic, groupId, warnings] = [newName('topic'), newName('group'), createWarnings()];
      await kafka.createTopic(topic, 3);
      for (const partition of [0, 1, 2]) await kafka.setLeader(topic, partition, partition + 1);
      let gate = createGate();
      const intake = createLiteralIntake(async () => {
        await gate.opened;
        return applied;
      });
      const source = await begin(test, kafka, intake, {
        topics: [topic],
        groupId,
        inFlight: 30,
        warn: warnings.warn,
      });
      await kafka.produce(
        topic,
        numbers(90).map((number) => message(number % 3, String(number))),
      );
      await intake.until(() => intake.open === 30);
      await kafka.takeDown(1);
      see(intake.open, 'events in flight when the broker went').toBe(30);
      gate.open();
      const later = numbers(90).map((number) => message(1 + (number % 2), `later ${number}`));
      await kafka.produce(topic, later);
      // The partitions of the two that are there are taken to their end.
      await intake.until(
        () => intake.taken.filter((event) => textOf(event).startsWith('later')).length >= 90,
      );
      see(source.trouble()).toMatch(/^(broker 1: |Cannot connect|.*Connection)/);
      gate = createGate();
      gate.open();
      await kafka.bringUp(1);
      await kafka.produce(
        topic,
        numbers(30).map((number) => message(0, `last ${number}`)),
      );
      await eventually(async () => (await committedSum(kafka, groupId, topic, 3)) === 210);
      for (const partition of [0, 1, 2]) {
        const seen = intake.taken.filter(({ lane }) => lane === `${topic}/${partition}`);
        // What was fetched twice was brought twice: by its place it is known again.
        const places = [...new Set(seen.map(({ place }) => place))];
        see(places).toEqual(places.map((_, offset) => `${topic}/${partition}@${offset}`));
      }
      await eventually(() => source.trouble() === null);
      see(warnings.events.filter(({ event }) => event === 'kafka_fetch_failed').length).toBeLessThan(2);
    });

    it('requests that fail or are cut off are sent again: fetches, commits, joins and signs of life', async (test) => {
      const see = test.expect;
      const kafka = await openCluster(test, 1);
      const [topic, groupId] = [newName('topic'), newName('group')];
      await kafka.createTopic(topic, 2);
      await kafka.pushErrors(api.joinGroup, NO_COORDINATOR, CUT);
      const intake = createLiteralIntake();
      await begin(test, kafka, intake, { topics: [topic], groupId });
      const produce = (word: string): Promise<void> =>
        kafka.produce(
          topic,
          numbers(20).map((number) => message(number % 2, `${word} ${number}`)),
        );
      await produce('first');
      await intake.until(() => intake.taken.length >= 20);
      await kafka.pushErrors(api.fetch, CUT, NOT_ENOUGH_REPLICAS, CUT);
      await kafka.pushErrors(api.offsetCommit, NOT_COORDINATOR, CUT, ILLEGAL_GENERATION);
      await produce('second');
      await intake.until(() => new Set(intake.taken.map(({ place }) => place)).size === 40);
      await kafka.pushErrors(api.heartbeat, CUT, UNKNOWN_MEMBER);
      await produce('third');
      await eventually(async () => (await committedSum(kafka, groupId, topic, 2)) === 60);
      see(new Set(intake.taken.map(({ place }) => place)).size).toBe(60);
    });

    it('while the dead-letter topic cannot be written nothing is committed behind the poison, and all else goes on', async (test) => {
      const see = test.expect;
      const kafka = await openCluster(test, 1);
      const [topic, groupId, dead, warnings] = [newName('t'), newName('g'), newName('d'), createWarnings()];
      await kafka.createTopic(topic, 1);
      await kafka.createTopic(dead, 1);
      const intake = createLiteralIntake((event) =>
        textOf(event) === 'bad' ? { result: 'poison', code: 'event_invalid', detail: 'no' } : applied,
      );
      await kafka.produce(
        topic,
        ['a', 'bad', 'c'].map((value) => message(0, value)),
      );
      await kafka.pushErrors(api.produce, ...numbers(60).map(() => NOT_ENOUGH_REPLICAS));
      const source = await begin(test, kafka, intake, {
        ...{ topics: [topic], groupId, deadLetterTopic: dead },
        warn: warnings.warn,
      });
      const { reason } = await warnings.until('kafka_dead_letter_failed');
      see(reason).toContain(
        `the dead-letter topic "${dead}" cannot be written, and nothing is committed behind ${topic}/0@1`,
      );
      await intake.until(() => intake.taken.length === 3);
      await eventually(async () => (await kafka.committed(groupId, topic, 0)) === 1);
      see(source.trouble()).toBe(reason);
      await kafka.clearErrors(api.produce);
      await eventually(async () => (await kafka.committed(groupId, topic, 0)) === 3);
      see((await kafka.read(dead, 1)).map(({ value }) => value)).toEqual(['bad']);
      see(warnings.events.filter(({ event }) => event === 'kafka_dead_letter_failed')).toHaveLength(1);
      see(source.trouble()).toBe(null);
    });

    it('poison that is larger than the dead-letter topic takes goes there without its value', async (test) => {
      const see = test.expect;
      const kafka = await openCluster(test, 1);
      const [topic, groupId, dead] = [newName('t'), newName('g'), newName('d')];
      await kafka.createTopic(topic, 1);
      await kafka.createTopic(dead, 1);
      await kafka.produce(topic, [message(0, 'large', 'k')]);
      await kafka.pushErrors(api.produce, MESSAGE_TOO_LARGE);
      const intake = createLiteralIntake(() => ({ result: 'poison', code: 'event_too_large', detail: 'no' }));
      await begin(test, kafka, intake, { topics: [topic], groupId, deadLetterTopic: dead });
      await eventually(async () => (await kafka.committed(groupId, topic, 0)) === 1);
      const [letter] = await kafka.read(dead, 1);
      see(letter).toMatchObject({ key: 'k', value: null });
      see(new Map(letter!.headers).get('carillon-value-omitted')).toBe('5');
    });

    it('with no broker to be reached a node starts all the same, says why it brings nothing, and goes on by itself', async (test) => {
      const see = test.expect;
      const kafka = await openCluster(test, 1);
      const [topic, groupId, warnings] = [newName('topic'), newName('group'), createWarnings()];
      await kafka.createTopic(topic, 1);
      await kafka.produce(topic, [message(0, 'a')]);
      await kafka.takeDown(1);
      const intake = createLiteralIntake();
      const source = await begin(test, kafka, intake, { topics: [topic], groupId, warn: warnings.warn });
      await warnings.until('kafka_unreachable');
      see(source.trouble()).toMatch(/127\.0\.0\.1/);
      await kafka.bringUp(1);
      await intake.until(() => intake.taken.length === 1);
      await eventually(() => source.trouble() === null);
    });

    it('events that were deleted before they were read are said to be, and it goes on at `from`', async (test) => {
      const see = test.expect;
      const kafka = await openCluster(test, 1);
      const [topic, groupId, warnings] = [newName('topic'), newName('group'), createWarnings()];
      await kafka.createTopic(topic, 1);
      await kafka.produce(topic, [message(0, 'a')]);
      const intake = createLiteralIntake();
      const source = await begin(test, kafka, intake, { topics: [topic], groupId });
      await eventually(async () => (await kafka.committed(groupId, topic, 0)) === 1);
      await source.stop();
      // The mock keeps 5 MB of a partition: the first of these are gone.
      for (let number = 1; number <= 8; number++)
        await kafka.produce(topic, [message(0, Buffer.alloc(1_000_000, `${number}`))]);
      const later = createLiteralIntake();
      await begin(test, kafka, later, { topics: [topic], groupId, warn: warnings.warn });
      const { offset, reason } = await warnings.until('kafka_offset_out_of_range');
      see(offset).toBe(1);
      see(reason).toContain('it goes on at the earliest, ');
      await later.until(() => later.taken.some(({ place }) => place === `${topic}/0@8`));
      await eventually(async () => (await kafka.committed(groupId, topic, 0)) === 9);
      see(later.taken[0]?.place).not.toBe(`${topic}/0@1`);
    });

    it('a topic that does not exist stops the start, with its name', async (test) => {
      const see = test.expect;
      const kafka = await openCluster(test, 1);
      const [topic, missing, groupId] = [newName('topic'), newName('missing'), newName('group')];
      await kafka.createTopic(topic, 1);
      await kafka.setTopicError(missing, 3);
      const line = `Kafka has no topic "${missing}": create it, or correct its name (topics are not created by Carillon)`;
      const intake = createLiteralIntake();
      await see(begin(test, kafka, intake, { topics: [topic, missing], groupId })).rejects.toThrow(line);
      await see(
        begin(test, kafka, intake, { topics: [topic], deadLetterTopic: missing, groupId }),
      ).rejects.toThrow(line);
    });
  });
