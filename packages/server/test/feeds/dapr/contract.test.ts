import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDaprSource, type DaprSource } from '../../../src/adapters/dapr/dapr-source.ts';
import { createNodeClock } from '../../../src/adapters/node/clock.ts';
import {
  type PublishedEvent,
  sourceContract,
  type SourceSubject,
} from '../../../src/testing/source-contract.ts';
import { APP_TOKEN } from '../feed-scene.ts';

// No sidecar: a stand-in that posts as Dapr's API reference says one does over Kafka, with a retry policy that never ends.

/** One claim waits for it to pass; in all others it must not, however busy the machine is. */
const DEADLINE_MS = 5_000;

type Poison = Awaited<ReturnType<SourceSubject['poison']>>[number];

sourceContract('Dapr', async () => {
  let source: DaprSource | null = null;
  const queue: PublishedEvent[] = [];
  const poison: Poison[] = [];
  let open = true;
  let isPosting = false;

  const server = createServer((request, response) => {
    if (source?.serve(request, response) !== true) response.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  async function post({ id, key, value }: PublishedEvent): Promise<Readonly<Record<string, string>>> {
    const response = await fetch(`http://127.0.0.1:${port}/dapr/events/t`, {
      method: 'POST',
      headers: { 'dapr-api-token': APP_TOKEN, 'content-type': 'application/cloudevents+json', __key: key },
      body: `{"specversion":"1.0","id":"${id}","source":"app","type":"t","data":${value}}`,
    });
    return (await response.json()) as Readonly<Record<string, string>>;
  }

  /** One behind the other; what is to be retried before what is behind it. */
  async function deliver(): Promise<void> {
    if (isPosting) return;
    isPosting = true;
    for (let next = queue[0]; next !== undefined && open; next = queue[0]) {
      const { status, code = '', detail = '' } = await post(next);
      if (status === 'RETRY') await new Promise((resolve) => setImmediate(resolve));
      else queue.shift();
      if (status === 'DROP') poison.push({ id: next.id, code, detail });
    }
    isPosting = false;
  }

  return {
    open: () =>
      (source = createDaprSource({
        ...{ token: APP_TOKEN, pubsubName: 'pubsub', eventBytes: 4_096, bulkBytes: 4_096 },
        topics: [{ name: 't', rawPayload: false, deadLetterTopic: 'dead', bulk: null }],
        ...{ inFlight: 4, deadlineMs: DEADLINE_MS, escapedHeaders: false, clock: createNodeClock() },
        ...{ id: () => 'x', poison: () => undefined, refused: () => undefined, warn: () => undefined },
      })),
    async publish(events) {
      queue.push(...events);
      // Nobody waits for it: what is published last may be for a life that has not begun.
      deliver().catch(() => undefined);
    },
    idOf: ({ content }) =>
      content.kind === 'value' ? (content.value as { readonly id: string }).id : 'none: it came as bytes',
    poison: () => Promise.resolve(poison),
    async close() {
      open = false;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
});
