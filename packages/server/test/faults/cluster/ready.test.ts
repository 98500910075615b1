import { afterEach, describe, expect, it } from 'vitest';
import { startPostgres } from '../../servers/postgres-server.ts';
import { openClusterScene } from './cluster-scene.ts';

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function open(settings: Readonly<Record<string, string>> = {}) {
  const postgres = await startPostgres();
  ending.push(() => postgres.stop());
  const scene = await openClusterScene({
    nodes: 1,
    settings: { CARILLON_DATABASE_URL: await postgres.createDatabase(), ...settings },
  });
  ending.push(() => scene.close());
  const reason = async (): Promise<string> => {
    const { status, body } = await scene.api('GET', '/ready');
    const { ready, reason: why } = body as { ready: boolean; reason: string };
    expect({ status, ready }).toEqual(
      why === 'ready' ? { status: 200, ready: true } : { status: 503, ready: false },
    );
    return why;
  };
  const says = (wanted: string | RegExp): Promise<void> =>
    expect.poll(reason, { timeout: 60_000, interval: 100 }).toMatch(wanted);
  return { postgres, redis: scene.redis, reason, says };
}

describe('/ready of a node over Redis and Postgres', () => {
  it('names Redis where that is gone, the database where that is, and both where both are', async () => {
    const { postgres, redis, reason, says } = await open();
    expect(await reason()).toBe('ready');
    redis.pause();
    expect(await reason()).toBe('Redis does not answer');
    postgres.pause();
    await says(
      /^Redis (does not answer|cannot be reached); the database (does not answer|cannot be written)$/,
    );
    redis.resume();
    await says(/^the database (does not answer|cannot be written)$/);
    postgres.resume();
    await says(/^ready$/);
    await redis.shutDown();
    await says(/^Redis cannot be reached$/);
    await redis.restart();
    await says(/^ready$/);
  });

  it('names Redis also where it has been away for so long that the node holds no clients', async () => {
    const { redis, says } = await open({
      CARILLON_REDIS_LEASE_MS: '3000',
      CARILLON_SESSIONS_GRACE_MS: '1000',
    });
    redis.pause();
    await says(/^cut_off: Redis (does not answer|cannot be reached)$/);
    redis.resume();
    await says(/^ready$/);
  });
});
