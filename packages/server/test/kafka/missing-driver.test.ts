import { expect, it, vi } from 'vitest';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import { optionsFor } from './kafka-kit.ts';
import { createLiteralIntake } from './literal-intake.ts';

vi.mock('@platformatic/kafka', () => {
  throw new Error('Cannot find package');
});

it('without its driver a source says what to install', async () => {
  const source = createKafkaSource(optionsFor({ brokers: ['127.0.0.1:1'] }, { topics: ['t'], groupId: 'g' }));
  await expect(source.start(createLiteralIntake())).rejects.toThrow(
    'taking events from Kafka needs the package @platformatic/kafka beside Carillon: npm install @platformatic/kafka@2',
  );
  await source.stop();
});
