import * as z from 'zod';
import type { PoisonCode } from '../../ports/source.ts';

/** Events of one request. */
export const MAX_EVENTS = 1_000;

/** The longest name of a topic, as of Kafka. */
const MAX_TOPIC_LENGTH = 249;
const MAX_ID_LENGTH = 512;
const MAX_KEY_LENGTH = 1_024;

export const topicName = z.string().min(1).max(MAX_TOPIC_LENGTH);

/** One event of the app's own form. */
export const plainEvent = z
  .object({
    topic: topicName
      .optional()
      .meta({ description: 'What the configuration maps by; unless given, `topic` of the query.' }),
    key: z
      .string()
      .max(MAX_KEY_LENGTH)
      .optional()
      .meta({ description: 'For the mapping: what a broker would part them by, mostly the user.' }),
    id: z.string().min(1).max(MAX_ID_LENGTH).optional().meta({
      description: 'What a repetition is known by; unless given, `id` or `eventId` of `data`.',
    }),
    time: z
      .union([z.iso.datetime({ offset: true }), z.int().min(0)])
      .optional()
      .meta({ description: 'When it happened: RFC 3339, or ms since 1970.' }),
    headers: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'For the mapping; their names are made lower case.' }),
    data: z.unknown().meta({ description: "The payload, checked against the topic's schema." }),
  })
  .meta({ id: 'Event' });

const cloudEvent = z
  .looseObject({ specversion: z.literal('1.0'), id: z.string(), source: z.string(), type: z.string() })
  .meta({
    id: 'CloudEvent',
    description: 'CloudEvents 1.0, JSON format; `topic` may be an extension of it.',
  });

/** All bodies that are taken, for the OpenAPI document. */
export const eventsBody = z.union([
  z.object({ events: z.array(plainEvent).min(1).max(MAX_EVENTS) }),
  cloudEvent,
  z.array(cloudEvent).min(1).max(MAX_EVENTS),
]);

/** So that a code that is added is one here as well. */
const POISON: Readonly<Record<PoisonCode, true>> = {
  event_unreadable: true,
  event_too_large: true,
  event_id_missing: true,
  event_invalid: true,
  mapping_failed: true,
  publication_invalid: true,
  limit_reached: true,
  event_unknown: true,
};

export const eventResult = z
  .union([
    z.object({
      result: z.literal('applied'),
      duplicate: z.boolean().meta({ description: 'All that it is mapped to had been kept before.' }),
    }),
    z.object({ result: z.literal('ignored') }),
    z.object({
      result: z.literal('refused'),
      code: z
        .enum(Object.keys(POISON) as [PoisonCode, ...PoisonCode[]])
        .meta({ description: 'A code of docs/feeds.md.' }),
      detail: z.string().meta({ description: 'What was wrong, for people.' }),
    }),
    z.object({
      result: z.literal('unavailable'),
      detail: z.string(),
      retryAfterMs: z.int().min(0).meta({ description: 'When the same event may be sent again.' }),
    }),
  ])
  .meta({ id: 'EventResult' });

export type EventResult = z.output<typeof eventResult>;
