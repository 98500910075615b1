import type { DaprSettings } from './dapr-settings.ts';

/** Where events of a topic are sent: the topic, percent-encoded, stands behind it. */
export const EVENTS_PATH = '/dapr/events/';

/** One of the list that `GET /dapr/subscribe` is answered with (Dapr, pub/sub API reference). */
export type DaprSubscription = {
  readonly pubsubname: string;
  readonly topic: string;
  readonly routes: { readonly default: string };
  readonly metadata?: { readonly rawPayload: 'true' };
  readonly deadLetterTopic?: string;
  readonly bulkSubscribe?: {
    readonly enabled: true;
    readonly maxMessagesCount: number;
    readonly maxAwaitDurationMs: number;
  };
};

/** What a sidecar is asked to subscribe to. */
export function subscriptionsOf({
  pubsubName,
  topics,
}: Pick<DaprSettings, 'pubsubName' | 'topics'>): DaprSubscription[] {
  return topics.map(({ name, rawPayload, deadLetterTopic, bulk }) => ({
    pubsubname: pubsubName,
    topic: name,
    routes: { default: EVENTS_PATH + encodeURIComponent(name) },
    ...(rawPayload ? { metadata: { rawPayload: 'true' } } : {}),
    ...(deadLetterTopic === null ? {} : { deadLetterTopic }),
    ...(bulk === null
      ? {}
      : {
          bulkSubscribe: {
            enabled: true,
            maxMessagesCount: bulk.maxMessages,
            maxAwaitDurationMs: bulk.maxWaitMs,
          },
        }),
  }));
}
