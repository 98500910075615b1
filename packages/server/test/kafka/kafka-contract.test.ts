import { afterAll, beforeAll, vi } from 'vitest';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import { sourceContract } from '../../src/testing/source-contract.ts';
import { type KafkaCluster, startKafka } from '../servers/kafka-cluster.ts';
import { newName, optionsFor, quickTiming } from './kafka-kit.ts';

// Joining a group of the mock cluster takes three seconds and more; a busy machine has all the time it wants.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let kafka: KafkaCluster;
beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka.stop());

sourceContract('Kafka', async () => {
  const [topic, deadLetterTopic, groupId] = [newName('topic'), newName('dead'), newName('group')];
  await kafka.createTopic(topic, 1);
  await kafka.createTopic(deadLetterTopic, 1);
  const options = optionsFor(kafka, { topics: [topic], deadLetterTopic, groupId });
  return {
    open: () => createKafkaSource(options, { ...quickTiming, stopMs: 1_000 }),
    publish: (events) =>
      kafka.produce(
        topic,
        events.map(({ id, key, value }) => ({ partition: 0, key, value, headers: [['id', id]] })),
      ),
    idOf: ({ headers }) => headers['id'] ?? '',
    async poison() {
      const letters = await kafka.read(deadLetterTopic, 1);
      return letters.map(({ headers }) => {
        const of = (name: string): string => new Map(headers).get(name) ?? '';
        return { id: of('id'), code: of('carillon-error-code'), detail: of('carillon-error-detail') };
      });
    },
    close: () => Promise.resolve(),
  };
});
