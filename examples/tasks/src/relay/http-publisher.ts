import type { Published } from '../store/task-store.ts';
import type { Publisher } from './publisher.ts';

/** How long Carillon may take for one event, ms: longer than it waits for a log that takes nothing (`limits.eventsWaitMs`). */
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
      const { id, userId, at } = event;
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ events: [{ topic, key: userId, id, time: at, data: event }] }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      // None of them says anything of the event: it is draining, has another key, or has too much to do.
      if (!response.ok) {
        await response.body?.cancel();
        throw new Error(`Carillon answered ${response.status}`);
      }
      return publishedOf(await response.json());
    },
    async close() {},
  };
}

/** What became of the one event of a request. */
function publishedOf(body: unknown): Published {
  const [first] = (body as { readonly results?: readonly Readonly<Record<string, unknown>>[] }).results ?? [];
  const { result, code, detail } = first ?? {};
  switch (result) {
    case 'applied':
    case 'ignored':
      return { ok: true };
    case 'refused':
      return { ok: false, reason: `${String(code)}: ${String(detail)}` };
    default:
      throw new Error(`Carillon could not keep it: ${String(detail ?? result)}`);
  }
}
