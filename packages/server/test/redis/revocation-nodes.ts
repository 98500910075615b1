import { randomUUID } from 'node:crypto';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import { createRedisRevocations, type RedisRevocations } from '../../src/adapters/redis/revocations.ts';
import { createSqliteRevocations } from '../../src/adapters/sql/revocations.ts';
import type { Sqlite } from '../../src/adapters/sql/sqlite.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { openLink } from '../servers/open-link.ts';

/** One node's revocations over a database that others have open too. */
export type RevocationNode = {
  readonly revocations: RedisRevocations;
  readonly link: RedisLink;
  readonly database: Sqlite;
  /** How often the database was read again. */
  reloads: number;
  /** How often it was told that something was learned. */
  heard: number;
  /** Scripts, by name, in order. */
  readonly scripts: string[];
  /** Scripts that are refused as if Redis were away. */
  refused: ReadonlySet<string>;
  /** The database cannot be read. */
  away: boolean;
  readonly warnings: string[];
  /** Resolves when something was learned since the last call. */
  learned(): Promise<void>;
  close(): Promise<void>;
};

export type RevocationNodeOptions = {
  readonly port: number;
  readonly prefix: string;
  readonly database: Sqlite;
  /** More of the link: where it is no single server. */
  readonly redis?: Partial<RedisSettings>;
  /** Unless given the machine's. */
  readonly clock?: Clock;
  /** Not where a test reads when it wants. */
  readonly polls?: boolean;
};

export async function openRevocationNode(options: RevocationNodeOptions): Promise<RevocationNode> {
  const { port, prefix, database, polls = false } = options;
  const link = await openLink(port, { prefix, ...options.redis });
  const clock = options.clock ?? createNodeClock();
  const kept = createSqliteRevocations(database, () => clock.nowMs());
  let news = Promise.withResolvers<void>();
  const state = {
    link,
    database,
    reloads: 0,
    heard: 0,
    scripts: [] as string[],
    refused: new Set<string>(),
    away: false,
    warnings: [] as string[],
  };
  const made: { node: RevocationNode | null } = { node: null };
  const current = () => made.node ?? state;
  const revocations = createRedisRevocations({
    kept: {
      ...kept,
      async reload() {
        if (current().away) throw storeUnavailable('the database is away');
        await kept.reload();
        current().reloads++;
      },
    },
    link: {
      ...link,
      get up() {
        return link.up;
      },
      async run(script, keys, args) {
        state.scripts.push(script.name);
        if (current().refused.has(script.name)) throw storeUnavailable('away');
        return link.run(script, keys, args);
      },
    },
    keys: createKeys(prefix),
    clock,
    id: () => randomUUID(),
    warn: (event) => void state.warnings.push(event),
  });
  revocations.onLearned(() => {
    current().heard++;
    news.resolve();
  });
  made.node = Object.assign(state, {
    revocations,
    async learned() {
      await news.promise;
      news = Promise.withResolvers<void>();
    },
    async close() {
      revocations.close();
      await link.close();
    },
  });
  if (polls) await revocations.start();
  else await revocations.catchUp();
  news = Promise.withResolvers<void>();
  return made.node;
}
