import * as z from 'zod';
import type { DaprSettings } from '../../adapters/dapr/dapr-settings.ts';
import { emptyProblem, list, text, whole } from '../setting.ts';
import { topicProblem } from './topic-name.ts';

/** A shorter token could be tried out over the network. */
export const MIN_DAPR_TOKEN_LENGTH = 16;
const MINUTE = 60_000;

/** Dapr's Redis component gives a handler 15 s (`processingTimeout`); the others give it longer or for ever. */
const DEFAULT_DEADLINE_MS = 10_000;

/** What is taken from sidecars of Dapr. */
export const daprSchema = z.strictObject({
  token: text(
    'What a sidecar proves itself by (`dapr-api-token`, in Dapr `APP_API_TOKEN`); unless set, no sidecar is listened to.',
    { env: 'CARILLON_DAPR_APP_TOKEN', secret: true },
    (token) =>
      token.length < MIN_DAPR_TOKEN_LENGTH
        ? `has ${token.length} characters, and at least ${MIN_DAPR_TOKEN_LENGTH} are needed`
        : /^[\x21-\x7e]+$/.test(token)
          ? undefined
          : 'has characters that no HTTP header carries: use printable ASCII without spaces',
  ).optional(),
  pubsubName: text('The name of the pub/sub component.', {}, emptyProblem).default('pubsub'),
  topics: list('What is subscribed to; unless set, every topic of `feeds.topics`.', {}, topicProblem).default(
    [],
  ),
  rawTopics: list(
    'Topics of these on which events are not wrapped in CloudEvents.',
    {},
    topicProblem,
  ).default([]),
  deadLetterTopic: text(
    'Topic that the sidecar puts poison on; unless set, it is logged and dropped.',
    {},
    topicProblem,
  ).optional(),
  bulkMessages: whole('Events that a sidecar sends at once at most; 1 asks for each alone.', 100, 1, 1_000),
  bulkWaitMs: whole('How long a sidecar gathers them.', 50, 0, 10_000),
  bulkBytes: whole(
    'What is read of a request with several events; of a larger one the rest comes again with the next.',
    4 * 1024 * 1024,
    1024,
    256 * 1024 * 1024,
  ),
  inFlight: whole('Requests of sidecars that are worked on at once; others wait.', 64, 1, 10_000),
  deadlineMs: whole(
    'An event without a verdict is answered `RETRY` after so long; less than the time that the component gives a handler.',
    DEFAULT_DEADLINE_MS,
    100,
    10 * MINUTE,
  ),
  escapedHeaders: z.enum(['no', 'yes']).default('no').meta({
    description: 'Whether the component escapes the headers and keys of Kafka (`escapeHeaders`).',
  }),
});

/**
 * What of the settings does not go together.
 *
 * @param mapped the topics that are subscribed to where none are named
 */
export function daprProblem(
  { token, topics, rawTopics, deadLetterTopic }: z.output<typeof daprSchema>,
  mapped: readonly string[],
): { readonly setting: string; readonly message: string } | undefined {
  const subscribed = topics.length > 0 ? topics : mapped;
  const stray = rawTopics.find((topic) => !subscribed.includes(topic));
  if (stray !== undefined)
    return { setting: 'rawTopics', message: `has ${JSON.stringify(stray)}, which is not subscribed to` };
  if (deadLetterTopic !== undefined && subscribed.includes(deadLetterTopic))
    return {
      setting: 'deadLetterTopic',
      message: 'is one of the topics that are subscribed to: poison would come back for ever',
    };
  if (topics.length > 0 && token === undefined)
    return {
      setting: 'token',
      message: 'is missing, and feeds.dapr.topics is set: no sidecar would be let in',
    };
  return undefined;
}

/**
 * @param mapped the topics that are subscribed to where none are named
 * @returns null where no sidecar is listened to
 */
export function toDaprSettings(
  {
    token,
    topics,
    rawTopics,
    deadLetterTopic,
    bulkMessages,
    bulkWaitMs,
    escapedHeaders,
    ...rest
  }: z.output<typeof daprSchema>,
  mapped: readonly string[],
  eventBytes: number,
): DaprSettings | null {
  if (token === undefined) return null;
  const bulk = bulkMessages === 1 ? null : { maxMessages: bulkMessages, maxWaitMs: bulkWaitMs };
  return {
    ...rest,
    token,
    topics: (topics.length > 0 ? topics : mapped).map((name) => ({
      name,
      rawPayload: rawTopics.includes(name),
      deadLetterTopic: deadLetterTopic ?? null,
      bulk,
    })),
    eventBytes,
    escapedHeaders: escapedHeaders === 'yes',
  };
}
