import { setTimeout } from 'node:timers/promises';
import { type RedisServer, type RedisServerOptions, startRedis } from './redis-server.ts';

/** A primary and the replica that follows it. */
export type RedisPair = {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  /** Resolves once the replica has everything that the primary has. */
  caughtUp(): Promise<void>;
  /** Makes the replica the primary, as a Sentinel would. */
  promote(): Promise<void>;
  stop(): Promise<void>;
};

/** How often both are asked. */
const RETRY_MS = 25;
const LIMIT_MS = 30_000;

export async function startRedisPair(options: RedisServerOptions = {}): Promise<RedisPair> {
  const settings: readonly (readonly [string, string])[] = [
    ['repl-diskless-sync-delay', '0'],
    ...(options.settings ?? []),
  ];
  const primary = await startRedis({ ...options, settings });
  const replica = await startRedis({
    ...options,
    settings: [...settings, ['replicaof', `127.0.0.1 ${primary.port}`]],
  });

  async function field(server: RedisServer, name: string): Promise<string> {
    return new RegExp(`${name}:(.*)\r`).exec(String(await server.run('INFO', 'replication')))?.[1] ?? '';
  }

  async function caughtUp(): Promise<void> {
    await primary.run('SET', 'caught-up', '');
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      // The primary counts a replica from its first acknowledgement on, up to a second after that has everything.
      const [counted, status, offset, reached] = await Promise.all([
        field(primary, 'slave0'),
        field(replica, 'master_link_status'),
        field(primary, 'master_repl_offset'),
        field(replica, 'slave_repl_offset'),
      ]);
      if (status === 'up' && offset === reached && counted.includes(`,offset=${offset},`)) return;
      if (Date.now() > deadline) throw new Error(`the replica is ${status}, at ${reached} of ${offset}`);
      await setTimeout(RETRY_MS);
    }
  }

  await caughtUp();
  return {
    primary,
    replica,
    caughtUp,
    async promote() {
      await replica.run('REPLICAOF', 'NO', 'ONE');
    },
    async stop() {
      await Promise.all([primary.stop(), replica.stop()]);
    },
  };
}
