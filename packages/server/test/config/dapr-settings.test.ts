import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { CarillonConfig } from '../../src/config.ts';
import { loadConfig, resolveConfig } from '../../src/config/load-config.ts';
import { APP_TOKEN, feedConfig } from '../feeds/feed-scene.ts';

type Dapr = NonNullable<NonNullable<CarillonConfig['feeds']>['dapr']>;

const resolve = (dapr: Dapr) => resolveConfig(feedConfig({ dapr }), '/');

function daprOf(dapr: Dapr): unknown {
  const resolved = resolve(dapr);
  if (!resolved.ok) throw new Error(resolved.problem);
  return resolved.config.feeds.dapr;
}

function problemOf(dapr: Dapr): string {
  const resolved = resolve(dapr);
  return resolved.ok ? '' : resolved.problem;
}

describe('feeds.dapr', () => {
  it('without a token no sidecar is listened to', () => {
    expect(daprOf({})).toBeNull();
    expect(daprOf({ deadLetterTopic: 'dead' })).toBeNull();
  });

  it('asks for every topic that is mapped, or for those that are named', () => {
    const bulk = { maxMessages: 100, maxWaitMs: 50 };
    const topic = (name: string) => ({ name, rawPayload: false, deadLetterTopic: null, bulk });
    expect(daprOf({ token: APP_TOKEN })).toMatchObject({
      topics: ['task-updates', 'notes', 'slow', 'strict', 'plain'].map(topic),
    });
    expect(
      daprOf({
        token: APP_TOKEN,
        topics: ['plain'],
        rawTopics: ['plain'],
        deadLetterTopic: 'd',
        bulkMessages: 1,
      }),
    ).toMatchObject({
      token: APP_TOKEN,
      topics: [{ name: 'plain', rawPayload: true, deadLetterTopic: 'd', bulk: null }],
    });
  });

  it.each<readonly [Dapr, string]>([
    [{ token: 'x'.repeat(15) }, 'feeds.dapr.token has 15 characters, and at least 16 are needed'],
    [{ token: 'with a space in the token' }, 'feeds.dapr.token has characters that no HTTP header carries'],
    [{ token: `${APP_TOKEN}\n` }, 'feeds.dapr.token has characters that no HTTP header carries'],
    [{ topics: ['notes'] }, 'feeds.dapr.token is missing'],
    [
      { token: APP_TOKEN, topics: ['other'] },
      'feeds.dapr.topics has "other", for which feeds.topics says nothing',
    ],
    [{ token: APP_TOKEN, topics: ['notes'], rawTopics: ['plain'] }, 'feeds.dapr.rawTopics has "plain"'],
    [{ token: APP_TOKEN, deadLetterTopic: 'notes' }, 'feeds.dapr.deadLetterTopic is one of the topics'],
    [{ token: APP_TOKEN, bulkMessages: 1_001 }, 'feeds.dapr.bulkMessages'],
    [{ token: APP_TOKEN, deadlineMs: 99 }, 'feeds.dapr.deadlineMs'],
    [{ token: APP_TOKEN, inFlight: 0 }, 'feeds.dapr.inFlight'],
  ])('%j is refused with one line', (dapr, problem) => {
    expect(problemOf(dapr)).toContain(problem);
    expect(problemOf(dapr)).not.toContain(APP_TOKEN);
  });

  it('the token may stand in the environment, under a name of its own: that of Dapr opens nothing', async () => {
    const load = async (env: Record<string, string>) => {
      const loaded = await loadConfig({ cwd: tmpdir(), env, file: null, defaults: feedConfig() });
      if (!loaded.ok) throw new Error(loaded.problem);
      return loaded.config.feeds.dapr;
    };
    expect(await load({ CARILLON_DAPR_APP_TOKEN: APP_TOKEN })).toMatchObject({ token: APP_TOKEN });
    expect(await load({ APP_API_TOKEN: APP_TOKEN })).toBeNull();
  });
});
