import type { StandardSchema } from '@carillon/contract';
import * as z from 'zod';
import type { DaprSettings } from '../../adapters/dapr/dapr-settings.ts';
import type { KafkaSettings } from '../../adapters/kafka/kafka-settings.ts';
import type { FeedEvent } from '../../core/intake/decode-event.ts';
import type { FeedTopic } from '../../runtime/intake/feeds.ts';
import { whole } from '../setting.ts';
import { daprProblem, daprSchema, toDaprSettings } from './dapr.ts';
import { kafkaSchema, toKafkaSettings } from './kafka.ts';
import { type OutboxConfig, outboxSchema, toOutboxConfig } from './outbox.ts';
import { topicProblem } from './topic-name.ts';
import type { FeedTopicDefinition } from './feed-types.ts';

const topicSchema = z.custom<FeedTopicDefinition>(
  (value) => typeof value === 'object' && value !== null && 'map' in value && typeof value.map === 'function',
  'is none: feedTopic(contract, { map }) makes one',
);

/** Where events of other systems come from, and what they become. */
export const feedsSchema = z
  .strictObject({
    topics: z.record(z.string(), topicSchema).optional().meta({
      description: 'What the events of each topic become: by topic `feedTopic(contract, { schema, map })`.',
    }),
    eventBytes: whole('The largest event.', 1024 * 1024, 1024, 64 * 1024 * 1024),
    kafka: kafkaSchema.prefault({}),
    dapr: daprSchema.prefault({}),
    outbox: outboxSchema.prefault({}),
  })
  .superRefine(({ topics = {}, kafka, dapr }, context) => {
    const refuse = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const names = Object.keys(topics);
    for (const name of names) {
      const wrong = topicProblem(name);
      if (wrong !== undefined) refuse(['topics'], `${JSON.stringify(name)} ${wrong}`);
    }
    for (const [source, given] of Object.entries({ kafka: kafka.topics, dapr: dapr.topics })) {
      const stray = given.find((topic) => !names.includes(topic));
      if (stray !== undefined)
        refuse([source, 'topics'], `has ${JSON.stringify(stray)}, for which feeds.topics says nothing`);
    }
    if (kafka.brokers.length > 0 && names.length === 0)
      refuse(['topics'], 'is empty, and feeds.kafka.brokers is set: say what the events of a topic become');
    if (
      kafka.topics.length === 0 &&
      kafka.deadLetterTopic !== undefined &&
      names.includes(kafka.deadLetterTopic)
    )
      refuse(
        ['kafka', 'deadLetterTopic'],
        'is one of the topics that are consumed: poison would come back for ever',
      );
    const ofDapr = daprProblem(dapr, names);
    if (ofDapr !== undefined) refuse(['dapr', ofDapr.setting], ofDapr.message);
  });

/** A topic as it was configured, its schema not yet made into a check. */
export type FeedTopicConfig = Omit<FeedTopic, 'validate'> & { readonly schema: StandardSchema | null };

export type FeedsConfig = {
  readonly topics: ReadonlyMap<string, FeedTopicConfig>;
  readonly eventBytes: number;
  /** Null: nothing is consumed from Kafka. */
  readonly kafka: KafkaSettings | null;
  /** Null: sidecars of Dapr are not listened to. */
  readonly dapr: DaprSettings | null;
  /** Null: no outbox is read. */
  readonly outbox: OutboxConfig | null;
  /** What its table is called, also where none is read: for the SQL that makes it. */
  readonly outboxTable: string;
};

/**
 * @param cwd what relative paths start at
 * @returns a text where a file cannot be read
 */
export function toFeedsConfig(
  { topics = {}, eventBytes, kafka, dapr, outbox }: z.output<typeof feedsSchema>,
  cwd: string,
): FeedsConfig | string {
  const kafkaSettings = toKafkaSettings(kafka, Object.keys(topics), cwd);
  if (typeof kafkaSettings === 'string') return kafkaSettings;
  return {
    topics: new Map(Object.entries(topics).map(([name, topic]) => [name, toTopic(topic)])),
    eventBytes,
    kafka: kafkaSettings,
    dapr: toDaprSettings(dapr, Object.keys(topics), eventBytes),
    outbox: toOutboxConfig(outbox, eventBytes),
    outboxTable: outbox.table,
  };
}

function toTopic({ schema, map, unknown = 'drop', ids = 'event' }: FeedTopicDefinition): FeedTopicConfig {
  return {
    schema: schema ?? null,
    // Of which payload, only the compiler knows: its schema has made it what the mapping expects.
    map: map as (event: FeedEvent) => unknown,
    unknown,
    ids,
  };
}
