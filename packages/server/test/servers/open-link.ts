import { createRedisLink } from '../../src/adapters/redis/link.ts';
import type { RedisLinkDeps } from '../../src/adapters/redis/link-deps.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import { createNodeClock } from '../../src/adapters/node/clock.ts';

/** Settings for one server on the loopback. */
export function redisSettings(port: number, more: Partial<RedisSettings> = {}): RedisSettings {
  return {
    topology: { kind: 'single', address: { host: '127.0.0.1', port } },
    login: { username: null, password: null },
    tls: null,
    prefix: 'carillon:',
    commandTimeoutMs: 5_000,
    ...more,
  };
}

/** The machine's own time and chance. What is warned of is dropped unless somebody asks. */
export function linkDeps(warn: RedisLinkDeps['warn'] = () => undefined): RedisLinkDeps {
  return { clock: createNodeClock(), fraction: Math.random, warn };
}

/** An open link to one server: for tests of what speaks through it. */
export async function openLink(port: number, more: Partial<RedisSettings> = {}): Promise<RedisLink> {
  const link = createRedisLink(redisSettings(port, more), linkDeps());
  await link.open();
  return link;
}
