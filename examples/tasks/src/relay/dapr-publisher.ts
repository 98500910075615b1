import type { Publisher } from './publisher.ts';

/** How long the sidecar may take for one event, ms. */
const ANSWER_MS = 10_000;

export type DaprOptions = {
  /** Of the sidecar: `http://127.0.0.1:3500`. */
  readonly url: string;
  /** The name of the pub/sub component. */
  readonly pubsub: string;
  readonly topic: string;
  /** What the sidecar wants to be shown (`dapr-api-token`); null: nothing. */
  readonly token: string | null;
};

/** Publishes by a Dapr sidecar, as CloudEvents 1.0: so the event keeps its own id instead of one that the sidecar gives it. */
export function createDaprPublisher({ url, pubsub, topic, token }: DaprOptions): Publisher {
  const target = `${url}/v1.0/publish/${encodeURIComponent(pubsub)}/${encodeURIComponent(topic)}`;
  return {
    async publish(event) {
      // Brokers that have partitions keep what one user does in one of them, in its order.
      const query = new URLSearchParams({ 'metadata.partitionKey': event.userId });
      const response = await fetch(`${target}?${query.toString()}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json',
          ...(token === null ? {} : { 'dapr-api-token': token }),
        },
        body: JSON.stringify({
          specversion: '1.0',
          id: event.id,
          source: 'tasks',
          type: event.type,
          time: new Date(event.at).toISOString(),
          datacontenttype: 'application/json',
          data: event,
        }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      await response.body?.cancel();
      // 403 and 404 are the component's configuration, 500 the broker: none of them is the event's fault.
      if (!response.ok) throw new Error(`Dapr answered ${response.status} for ${pubsub}/${topic}`);
      return { ok: true };
    },
    async close() {},
  };
}
