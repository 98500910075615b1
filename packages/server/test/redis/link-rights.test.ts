import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/adapters/redis/broker.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { createRedisLink } from '../../src/adapters/redis/link.ts';
import { claimPrefix } from '../../src/adapters/redis/preflight.ts';
import type { RedisLogin, RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import type { Script } from '../../src/adapters/redis/script.ts';
import { linkDeps, redisSettings } from '../servers/open-link.ts';
import { startRedisCluster } from '../servers/redis-cluster.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';

const PASSWORD = 'rights-of-the-tests';

/** As docs/redis.md has it. */
const RULES = /^ACL SETUSER carillon (.*)$/m
  .exec(readFileSync(new URL('../../../../docs/redis.md', import.meta.url), 'utf8'))![1]!
  .replace('PASSWORD', PASSWORD)
  .split(' ');

const TOUCH: Script = {
  name: 'touch',
  lua: "redis.call('HSET', KEYS[1], 'run', run_id) redis.call('SPUBLISH', ARGV[1], 'x') return redis.call('TIME')",
  knowsRun: true,
};

const keys = createKeys('carillon:');
const login: RedisLogin = { username: 'carillon', password: PASSWORD };

/** Whatever the link and the broker do. */
async function useEverything(settings: RedisSettings, flush: () => Promise<unknown>): Promise<void> {
  const link = createRedisLink(settings, linkDeps());
  const broker = createRedisBroker(link, settings, linkDeps(), 'n1');
  try {
    await link.open();
    await claimPrefix(link, 'database-1');
    const told = Promise.withResolvers<void>();
    broker.listen(() => told.resolve());
    await broker.open();
    await broker.subscribe('inbox:a');
    await broker.publish('inbox:a', { kind: 'roster', user: 'a' });
    await told.promise;
    broker.unsubscribe('inbox:a');
    const key = keys.of('presence:a', 'devices');
    await link.run(TOUCH, [key], [keys.channel('presence:a')]);
    await flush();
    await link.run(TOUCH, [key], [keys.channel('presence:a')]);
    await link.getMany([keys.of('presence:a', 'record'), keys.of('presence:b', 'record')]);
    await link.command(null, 'PING');
    // A Cluster has replicas, one server alone has none: either way it may ask.
    const waiting = link.runReplicated(TOUCH, [key], [keys.channel('presence:a')], 10);
    const refusal = await waiting.then(
      () => '',
      (error: Error) => error.message,
    );
    expect(['', 'Redis: no replica had it within 10 ms']).toContain(refusal);
  } finally {
    await broker.close();
    await link.close();
  }
}

describe('the rights that docs/redis.md names', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('are enough', async () => {
    await server.run('ACL', 'SETUSER', 'carillon', 'reset', ...RULES);
    await useEverything(redisSettings(server.port, { login }), () => server.run('SCRIPT', 'FLUSH'));
    expect(await server.run('ACL', 'LOG')).toEqual([]);
  });

  it('are enough in a Cluster', async () => {
    const cluster = await startRedisCluster();
    for (const node of cluster.nodes) await node.run('ACL', 'SETUSER', 'carillon', 'reset', ...RULES);
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
    const settings = redisSettings(0, { login, topology: { kind: 'cluster', nodes } });
    await useEverything(settings, () =>
      Promise.all(cluster.nodes.map((node) => node.run('SCRIPT', 'FLUSH'))),
    );
    await cluster.stop();
  }, 120_000);

  it.each([
    ['INFO', '-info'],
    ['scripts', '-evalsha'],
    ['its keys', 'resetkeys'],
    ['its channels', 'resetchannels'],
    ['publishing', '-spublish'],
    ['subscribing', '-ssubscribe'],
  ])('without %s it does not start, and says that a right is missing', async (_what, rule) => {
    await server.run('ACL', 'SETUSER', 'carillon', 'reset', ...RULES, rule);
    const start = useEverything(redisSettings(server.port, { login }), async () => undefined);
    await expect(start).rejects.toMatchObject({
      code: 'redis_refused',
      message: expect.stringMatching(/^CARILLON_REDIS_URL: .*docs\/redis\.md[^\n]*$/),
    });
  });
});
