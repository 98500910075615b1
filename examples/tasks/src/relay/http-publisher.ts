import type { Publisher } from './publisher.ts';

/** How long Carillon may take for one event, ms. */
const ANSWER_MS = 30_000;

export type HttpOptions = {
  /** Of Carillon: `http://127.0.0.1:8005`. */
  readonly url: string;
  readonly apiKey: string;
  readonly topic: string;
};

/** Publishes straight to Carillon: for backends that have no broker. */
export function createHttpPublisher({ url, apiKey, topic }: HttpOptions): Publisher {
  return {
    async publish(event) {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ topic, events: [event] }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (!response.ok) throw new Error(`Carillon answered ${response.status}`);
      return { ok: true };
    },
    async close() {},
  };
}
