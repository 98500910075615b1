import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import type { KafkaSourceOptions } from '../../src/adapters/kafka/kafka-settings.ts';
import type { Source } from '../../src/ports/source.ts';
import { type KafkaCluster, startKafka } from '../servers/kafka-cluster.ts';
import { createWarnings, eventually, message, newName, optionsFor, quickTiming } from './kafka-kit.ts';
import { applied, createGate, createLiteralIntake, type LiteralIntake, textOf } from './literal-intake.ts';

// Joining a group of the mock cluster takes three seconds and more; a busy machine has all the time it wants.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let kafka: KafkaCluster;
beforeAll(async () => {
  kafka = await startKafka(3);
});
afterAll(() => kafka.stop());

/** Tests run side by side: what one opens ends with itself. */
type Test = Pick<TestContext, 'expect' | 'onTestFinished'>;
type Changes = Partial<KafkaSourceOptions>;

/** A source over one topic of its own; ended with the test. */
async function open(
  { onTestFinished }: Test,
  intake: LiteralIntake,
  partitions: number,
  changes: Changes = {},
): Promise<{ source: Source; topic: string; group: string; again(intake: LiteralIntake): Promise<Source> }> {
  const topic = changes.topics?.[0] ?? newName('topic');
  const group = changes.groupId ?? newName('group');
  if (changes.topics === undefined) await kafka.createTopic(topic, partitions);
  const again = async (to: LiteralIntake): Promise<Source> => {
    const source = createKafkaSource(
      optionsFor(kafka, { groupId: group, topics: [topic], ...changes }),
      quickTiming,
    );
    onTestFinished(() => source.stop());
    await source.start(to);
    return source;
  };
  return { source: await again(intake), topic, group, again };
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe.concurrent('events of Kafka', () => {
  it('an event comes as the producer made it: key, headers, content, time, place and lane', async (test) => {
    const see = test.expect;
    const intake = createLiteralIntake();
    const { topic } = await open(test, intake, 2);
    const beforeMs = Date.now();
    await kafka.produce(topic, [
      message(1, '{"task":1}', 'user-1', [
        ['Content-Type', 'application/json'],
        ['ce_id', 'e-1'],
        ['ce_specversion', '1.0'],
        ['__proto__', 'x'],
        ['empty', null],
      ]),
      message(1, null, 'user-1'),
      message(1, Buffer.from([0xff, 0x00]), null),
    ]);
    await intake.until(() => intake.taken.length === 3);
    const [first, tombstone, bytes] = intake.taken;
    see({ ...first!.headers }).toEqual({
      'content-type': 'application/json',
      ce_id: 'e-1',
      ce_specversion: '1.0',
      ['__proto__']: 'x',
    });
    see(first).toMatchObject({
      topic,
      place: `${topic}/1@0`,
      lane: `${topic}/1`,
      key: 'user-1',
      id: null,
      content: { kind: 'bytes', type: 'application/json' },
    });
    see(textOf(first!)).toBe('{"task":1}');
    see(first!.atMs).toBeGreaterThanOrEqual(beforeMs);
    see(first!.atMs).toBeLessThanOrEqual(Date.now());
    see(tombstone).toMatchObject({ place: `${topic}/1@1`, content: { kind: 'value', value: null } });
    see(bytes).toMatchObject({ key: null, content: { kind: 'bytes', type: null } });
    see([...(bytes!.content as { bytes: Uint8Array }).bytes]).toEqual([0xff, 0x00]);
  });

  it('events of a partition are brought in their order', async (test) => {
    const see = test.expect;
    const intake = createLiteralIntake();
    const { topic } = await open(test, intake, 3);
    await kafka.produce(
      topic,
      numbers(600).map((number) => message(number % 3, String(number))),
    );
    await intake.until(() => intake.taken.length >= 600);
    for (const partition of [0, 1, 2]) {
      const inOrder = intake.taken.filter(({ lane }) => lane === `${topic}/${partition}`).map(textOf);
      see(inOrder).toEqual(
        numbers(600)
          .filter((number) => number % 3 === partition)
          .map(String),
      );
    }
  });

  it('an offset is committed behind the verdicts of all before it, and not before', async (test) => {
    const see = test.expect;
    const gate = createGate();
    const intake = createLiteralIntake(async (event) => {
      if (textOf(event) === '3') await gate.opened;
      return applied;
    });
    const { topic, group } = await open(test, intake, 1);
    await kafka.produce(
      topic,
      numbers(10).map((number) => message(0, String(number))),
    );
    await intake.until(() => intake.taken.length === 10 && intake.open === 1);
    await eventually(async () => (await kafka.committed(group, topic, 0)) === 3);
    gate.open();
    await eventually(async () => (await kafka.committed(group, topic, 0)) === 10);
    see(intake.taken).toHaveLength(10);
  });

  it('several topics are taken by one source, each event under its own', async (test) => {
    const see = test.expect;
    const intake = createLiteralIntake();
    const topics = [newName('one'), newName('two')];
    for (const topic of topics) await kafka.createTopic(topic, 2);
    await open(test, intake, 0, { topics });
    for (const topic of topics) await kafka.produce(topic, [message(0, 'a'), message(1, 'b')]);
    await intake.until(() => intake.taken.length === 4);
    see(intake.taken.map(({ topic, lane }) => `${topic} ${lane}`).toSorted()).toEqual(
      topics.flatMap((topic) => [0, 1].map((partition) => `${topic} ${topic}/${partition}`)).toSorted(),
    );
  });

  it('`latest` begins at the end, and what comes while nobody runs is not passed over', async (test) => {
    const see = test.expect;
    const topic = newName('latest');
    await kafka.createTopic(topic, 1);
    await kafka.produce(topic, [message(0, 'old')]);
    const intake = createLiteralIntake();
    const changes = { topics: [topic], groupId: newName('group'), from: 'latest' } as const;
    const { source, again } = await open(test, intake, 1, changes);
    await eventually(async () => (await kafka.committed(changes.groupId, topic, 0)) === 1);
    await source.stop();
    await kafka.produce(topic, [message(0, 'between')]);
    const later = createLiteralIntake();
    await again(later);
    await later.until(() => later.taken.length > 0);
    see(intake.taken).toEqual([]);
    see(later.taken.map(textOf)).toEqual(['between']);
  });

  it('poison goes to the dead-letter topic as it was, with the reason, and holds nothing up', async (test) => {
    const see = test.expect;
    const deadLetterTopic = newName('dead');
    await kafka.createTopic(deadLetterTopic, 1);
    const intake = createLiteralIntake((event) => {
      if (textOf(event) === 'bad')
        return { result: 'poison', code: 'event_invalid', detail: 'task: is missing — ü' };
      if (textOf(event) === 'odd') return { result: 'poison', code: 'event_unknown', detail: 'no mapping' };
      return applied;
    });
    const { topic, group } = await open(test, intake, 1, { deadLetterTopic });
    await kafka.produce(topic, [
      message(0, 'good', 'u1'),
      message(0, 'bad', 'u2', [
        ['id', 'e-7'],
        ['twice', 'a'],
        ['twice', 'b'],
      ]),
      message(0, 'odd'),
      message(0, 'good', 'u3'),
    ]);
    await eventually(async () => (await kafka.committed(group, topic, 0)) === 4);
    see(await kafka.read(deadLetterTopic, 1)).toEqual([
      {
        ...{ partition: 0, offset: 0, key: 'u2', value: 'bad' },
        headers: [
          ['id', 'e-7'],
          ['twice', 'a'],
          ['twice', 'b'],
          ['carillon-error-code', 'event_invalid'],
          ['carillon-error-detail', 'task: is missing — ü'],
          ['carillon-place', `${topic}/0@1`],
        ],
      },
      {
        ...{ partition: 0, offset: 1, key: null, value: 'odd' },
        headers: [
          ['carillon-error-code', 'event_unknown'],
          ['carillon-error-detail', 'no mapping'],
          ['carillon-place', `${topic}/0@2`],
        ],
      },
    ]);
  });

  it('without a dead-letter topic poison is warned of, each by its place, and left behind', async (test) => {
    const see = test.expect;
    const warnings = createWarnings();
    const intake = createLiteralIntake(() => ({ result: 'poison', code: 'mapping_failed', detail: 'oh' }));
    const { topic, group } = await open(test, intake, 1, { warn: warnings.warn });
    await kafka.produce(topic, [message(0, 'a'), message(0, 'b')]);
    await eventually(async () => (await kafka.committed(group, topic, 0)) === 2);
    see(warnings.events).toEqual(
      [0, 1].map((offset) => ({
        event: 'kafka_poison',
        detail: { place: `${topic}/0@${offset}`, code: 'mapping_failed', detail: 'oh' },
      })),
    );
  });

  it('no more than `inFlight` events are without a verdict, however many wait', async (test) => {
    const see = test.expect;
    const gate = createGate();
    const intake = createLiteralIntake(() => gate.opened.then(() => applied));
    const { topic, source } = await open(test, intake, 2, { inFlight: 7 });
    await kafka.produce(
      topic,
      numbers(500).map((number) => message(number % 2, String(number))),
    );
    await intake.until(() => intake.open === 7);
    // What was fetched is known, and not one more is brought for it.
    await eventually(() => source.positions().reduce((sum, { lag }) => sum + (lag ?? 0), 0) === 500);
    see(intake.taken).toHaveLength(7);
    gate.open();
    await intake.until(() => intake.taken.length === 500);
    see(intake.mostOpen).toBe(7);
  });

  it('how far each partition is, and how much waits, is told', async (test) => {
    const see = test.expect;
    const gate = createGate();
    const intake = createLiteralIntake(async (event) => {
      if (textOf(event) === 'wait') await gate.opened;
      return applied;
    });
    const { topic, source } = await open(test, intake, 2);
    await kafka.produce(topic, [message(0, 'a'), message(0, 'wait'), message(0, 'b'), message(1, 'c')]);
    await intake.until(() => intake.taken.length === 4 && intake.open === 1);
    await eventually(() => source.positions().length === 2);
    see(source.positions().toSorted((one, other) => Number(one.partition) - Number(other.partition))).toEqual(
      [
        { topic, partition: '0', position: 1, lag: 2 },
        { topic, partition: '1', position: 1, lag: 0 },
      ],
    );
    gate.open();
    await eventually(() => source.positions().every(({ lag }) => lag === 0));
    see(source.trouble()).toBe(null);
  });

  it('an event of 10 MB is brought whole', async (test) => {
    const see = test.expect;
    const intake = createLiteralIntake();
    const { topic, group } = await open(test, intake, 1);
    const large = Buffer.alloc(10 * 1024 * 1024, 'x');
    await kafka.produce(topic, [message(0, large, 'k')]);
    await intake.until(() => intake.taken.length === 1);
    const { content } = intake.taken[0]!;
    see(content.kind === 'bytes' && large.equals(content.bytes)).toBe(true);
    await eventually(async () => (await kafka.committed(group, topic, 0)) === 1);
  });
});

describe('starts that can never work', () => {
  const refusal = async (changes: Changes): Promise<string> => {
    const options = optionsFor(kafka, { groupId: newName('group'), topics: [], ...changes });
    return createKafkaSource(options, quickTiming)
      .start(createLiteralIntake())
      .then(
        () => 'it started',
        (error: Error) => error.message,
      );
  };

  it('a dead-letter topic that is consumed is refused: its letters would come back for ever', async () => {
    expect(await refusal({ topics: ['a', 'b'], deadLetterTopic: 'b' })).toBe(
      'the dead-letter topic "b" is one of the topics that are consumed: its letters would come back for ever; name another',
    );
  });
});
