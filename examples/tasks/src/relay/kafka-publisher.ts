import { Producer, stringSerializers } from '@platformatic/kafka';
import type { Publisher } from './publisher.ts';

export type KafkaOptions = {
  /** `HOST:PORT` of brokers to begin with. */
  readonly brokers: readonly string[];
  readonly topic: string;
};

/** `acks=all`: an event counts as published once every replica in sync has it. */
const ACKS_OF_ALL = -1;

/** Publishes to a Kafka topic, under the user as key: what one user does keeps its order in one partition. */
export function createKafkaPublisher({ brokers, topic }: KafkaOptions): Publisher {
  const producer = new Producer({
    clientId: 'tasks',
    bootstrapBrokers: [...brokers],
    serializers: stringSerializers,
    acks: ACKS_OF_ALL,
    // The relay tries again, and says so.
    retries: 0,
  });
  return {
    async publish(event) {
      const value = JSON.stringify(event);
      await producer.send({
        messages: [{ topic, key: event.userId, value, headers: { 'event-id': event.id } }],
      });
      return { ok: true };
    },
    close: () => producer.close(),
  };
}
