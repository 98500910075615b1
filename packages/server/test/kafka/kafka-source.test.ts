import { afterAll, beforeAll, describe, it, onTestFinished } from 'vitest';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import type { KafkaSourceOptions } from '../../src/adapters/kafka/kafka-settings.ts';
import type { Source } from '../../src/ports/source.ts';
import { type KafkaCluster, startKafka } from '../servers/kafka-cluster.ts';
import { eventually, message, newName, optionsFor, quickTiming } from './kafka-kit.ts';
import { applied, createGate, createLiteralIntake, type LiteralIntake, textOf } from './literal-intake.ts';

let kafka: KafkaCluster;
beforeAll(async () => {
  kafka = await startKafka(3);
});
afterAll(() => kafka.stop());

type Changes = Partial<KafkaSourceOptions>;

/** A source over one topic of its own; ended with the test. */
async function open(
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
  it('an event comes as the producer made it: key, headers, content, time, place and lane', async ({
    expect: see,
  }) => {
    const intake = createLiteralIntake();
    const { topic } = await open(intake, 2);
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

  it('events of a partition are brought in their order', async ({ expect: see }) => {
    const intake = createLiteralIntake();
    const { topic } = await open(intake, 3);
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

  it('an offset is committed behind the verdicts of all before it, and not before', async ({
    expect: see,
  }) => {
    const gate = createGate();
    const intake = createLiteralIntake(async (event) => {
      if (textOf(event) === '3') await gate.opened;
      return applied;
    });
    const { topic, group } = await open(intake, 1);
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
});
