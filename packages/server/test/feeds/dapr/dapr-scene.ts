import type { CarillonConfig } from '../../../src/config.ts';
import { type ServerUnderTest, startServer } from '../../http-api/server-under-test.ts';
import { APP_TOKEN, feedConfig } from '../feed-scene.ts';

/** A server that a sidecar may post to. No sidecar runs here: requests are what Dapr's app API says that one sends. */
export type DaprScene = ServerUnderTest & {
  /** As a sidecar posts an event of a topic: with the token, labelled as a CloudEvent. */
  post(
    topic: string,
    body: string | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
};

export const CLOUD_EVENT = 'application/cloudevents+json';

export async function startDaprScene(
  config: CarillonConfig = {},
  feeds: CarillonConfig['feeds'] = {},
  durability: 'memory' | 'stored' = 'stored',
): Promise<DaprScene> {
  const server = await startServer({
    config: {
      ...feedConfig(
        { ...feeds, dapr: { token: APP_TOKEN, deadLetterTopic: 'dead', ...feeds?.dapr } },
        durability,
      ),
      ...config,
    },
  });
  return {
    ...server,
    async post(topic, body, headers = {}) {
      const response = await fetch(`${server.url}/dapr/events/${topic}`, {
        method: 'POST',
        headers: { 'content-type': CLOUD_EVENT, 'dapr-api-token': APP_TOKEN, ...headers },
        body: body as NonNullable<RequestInit['body']>,
      });
      return { status: response.status, body: await response.json() };
    },
  };
}
