import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createDaprPublisher } from '../src/relay/dapr-publisher.ts';
import { createHttpPublisher } from '../src/relay/http-publisher.ts';
import type { TaskEvent } from '../src/tasks/event.ts';

const event: TaskEvent = {
  id: '0d7bca6e-4c7e-4a35-9df5-7f5ad62a0dd4',
  type: 'task.deleted',
  userId: 'auth0|alice',
  mutationId: 'key-1',
  task: { id: 'bell' },
  version: 3,
  at: 1_795_299_840_990,
};

type Asked = { readonly line: string; readonly headers: IncomingMessage['headers']; readonly body: unknown };

let close: (() => Promise<unknown>) | null = null;
afterEach(() => close?.());

/** A port that answers as a sidecar or a server would: no sidecar runs in these tests. */
async function port(answer: (response: ServerResponse) => void) {
  const asked: Asked[] = [];
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push({
      line: `${request.method} ${request.url}`,
      headers: request.headers,
      body: JSON.parse(body),
    });
    answer(response);
  }
  const server = createServer((request, response) => void take(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.closeAllConnections();
    return once(server.close(), 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('publishing by Dapr', () => {
  const options = { pubsub: 'pub/sub', topic: 'task-updates', token: 'the-sidecars-token' };

  it('posts a CloudEvent with the id of the event to the sidecar, under its user, with the token', async () => {
    const { url, asked } = await port((response) => response.writeHead(204).end());
    expect(await createDaprPublisher({ url, ...options }).publish(event)).toEqual({ ok: true });
    expect(asked).toMatchObject([
      {
        line: 'POST /v1.0/publish/pub%2Fsub/task-updates?metadata.partitionKey=auth0%7Calice',
        headers: { 'content-type': 'application/cloudevents+json', 'dapr-api-token': 'the-sidecars-token' },
        body: {
          specversion: '1.0',
          id: event.id,
          source: 'tasks',
          type: 'task.deleted',
          time: '2026-11-21T22:24:00.990Z',
          datacontenttype: 'application/json',
          data: event,
        },
      },
    ]);
  });

  it.each([400, 403, 404, 500])(
    'is not done where the sidecar answers %i: the event comes again',
    async (status) => {
      const { url } = await port((response) => response.writeHead(status).end());
      await expect(createDaprPublisher({ url, ...options }).publish(event)).rejects.toThrow(
        `Dapr answered ${status}`,
      );
    },
  );
});

describe('publishing by POST /v1/events', () => {
  const options = { apiKey: 'the-key', topic: 'task-updates' };

  it.each([
    [{ result: 'applied', duplicate: true }, { ok: true }],
    [{ result: 'ignored' }, { ok: true }],
    [
      { result: 'refused', code: 'event_invalid', detail: 'no' },
      { ok: false, reason: 'event_invalid: no' },
    ],
  ])('takes %j for an end', async (result, published) => {
    const { url } = await port((response) => response.end(JSON.stringify({ results: [result] })));
    expect(await createHttpPublisher({ url, ...options }).publish(event)).toEqual(published);
  });

  it.each([
    [200, '{"results":[{"result":"unavailable","detail":"full","retryAfterMs":1000}]}'],
    [200, '{}'],
    [200, '<html>'],
    [401, '{}'],
    [429, '{}'],
    [503, '{}'],
  ])('takes %i %s for nothing: the event comes again', async (status, body) => {
    const { url } = await port((response) => response.writeHead(status).end(body));
    await expect(createHttpPublisher({ url, ...options }).publish(event)).rejects.toThrow();
  });
});
