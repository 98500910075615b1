import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { histories } from './user-history.ts';
import { oneServer } from './user-store-subjects.ts';
import { runHistory } from './user-history-run.ts';

describe('sessions and presence of several nodes in random histories', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('Redis answers, publishes and holds what the stores in memory do', async () => {
    const redis = oneServer(server);
    await fc.assert(
      fc.asyncProperty(histories, (steps) => runHistory(redis, steps)),
      { numRuns: 25, endOnFailure: true },
    );
  }, 180_000);
});
