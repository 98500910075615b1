import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDaprSource } from '../../../src/adapters/dapr/dapr-source.ts';
import { createNodeClock } from '../../../src/adapters/node/clock.ts';
import { API_KEY, type ServerUnderTest, startServer } from '../../http-api/server-under-test.ts';
import { APP_TOKEN, feedConfig } from '../feed-scene.ts';
import { type DaprScene, startDaprScene } from './dapr-scene.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 /* on a busy machine */ });

let s: DaprScene;
beforeAll(async () => {
  s = await startDaprScene({}, { dapr: { rawTopics: ['plain'], topics: ['task-updates', 'plain'] } });
});
afterAll(() => s.close());

const EVENT =
  '{"specversion":"1.0","id":"1","source":"app","type":"task.changed","data":{"userId":"eve","id":"t","title":"x"}}';

async function ask(path: string, init: RequestInit): Promise<readonly [number, unknown]> {
  const response = await fetch(s.url + path, init);
  return [response.status, await response.json()];
}

const withToken = { 'dapr-api-token': APP_TOKEN };
const error = (code: string): object => ({ error: { code, message: expect.any(String) } });

describe('GET /dapr/subscribe', () => {
  it('names each topic with its route, its dead letters, and how many events may come at once', async () => {
    expect(await ask('/dapr/subscribe', { headers: withToken })).toEqual([
      200,
      [
        {
          pubsubname: 'pubsub',
          topic: 'task-updates',
          routes: { default: '/dapr/events/task-updates' },
          deadLetterTopic: 'dead',
          bulkSubscribe: { enabled: true, maxMessagesCount: 100, maxAwaitDurationMs: 50 },
        },
        {
          pubsubname: 'pubsub',
          topic: 'plain',
          routes: { default: '/dapr/events/plain' },
          metadata: { rawPayload: 'true' },
          deadLetterTopic: 'dead',
          bulkSubscribe: { enabled: true, maxMessagesCount: 100, maxAwaitDurationMs: 50 },
        },
      ],
    ]);
  });

  it('knows two methods and no other paths; /dapr/config, which is for actors, among these', async () => {
    expect(await ask('/dapr/subscribe', { headers: withToken, method: 'POST' })).toEqual([
      405,
      error('method_not_allowed'),
    ]);
    expect(await ask('/dapr/events/task-updates', { headers: withToken })).toEqual([
      405,
      error('method_not_allowed'),
    ]);
    for (const path of ['/dapr/config', '/dapr/events/', '/dapr/events/a/b', '/dapr/events/%ff', '/dapr/x'])
      expect(await ask(path, { headers: withToken })).toEqual([404, error('not_found')]);
  });
});

describe('the app token', () => {
  it('opens everything under /dapr/, and nothing else does: nobody learns what is there, and nothing is taken', async () => {
    const wrong: Record<string, string>[] = [
      {},
      { 'dapr-api-token': '' },
      { 'dapr-api-token': `${APP_TOKEN}x` },
      { 'dapr-api-token': APP_TOKEN.slice(1) },
      { authorization: `Bearer ${APP_TOKEN}` },
      { authorization: `Bearer ${API_KEY}`, 'dapr-api-token': API_KEY },
    ];
    for (const headers of wrong) {
      for (const path of ['/dapr/subscribe', '/dapr/config', '/dapr/nothing'])
        expect(await ask(path, { headers })).toEqual([401, error('unauthorized')]);
      expect(await ask('/dapr/events/task-updates', { method: 'POST', headers, body: EVENT })).toEqual([
        401,
        error('unauthorized'),
      ]);
    }
    expect((await s.api('GET', '/v1/channels/tasks%3Aeve/entries')).body).toMatchObject({ entries: [] });
    expect((await s.post('task-updates', EVENT)).body).toEqual({ status: 'SUCCESS' });
    expect(s.logged.some((line) => JSON.stringify(line).includes(APP_TOKEN))).toBe(false);
    expect(s.logged).toContainEqual(expect.objectContaining({ msg: 'dapr_token_refused', presented: false }));
  });

  it('opens nothing of the HTTP API', async () => {
    expect(await ask('/v1/channels', { headers: withToken })).toEqual([401, error('unauthorized')]);
  });

  it('is needed: without one there is no such source, and an empty one is none', async () => {
    const closed: ServerUnderTest = await startServer({ config: feedConfig() });
    const answer = await fetch(`${closed.url}/dapr/subscribe`, { headers: { 'dapr-api-token': '' } });
    expect([answer.status, await answer.json()]).toEqual([404, error('not_found')]);
    await closed.close();
    expect(() =>
      createDaprSource({
        ...{ token: '', pubsubName: 'pubsub', topics: [], eventBytes: 1_024, bulkBytes: 1_024 },
        ...{ inFlight: 1, deadlineMs: 1_000, escapedHeaders: false, clock: createNodeClock() },
        ...{ id: () => '', poison: () => undefined, refused: () => undefined, warn: () => undefined },
      }),
    ).toThrow('needs a token');
  });
});
