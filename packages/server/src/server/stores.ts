import { StartError } from './start-error.ts';
import type { openCluster } from './stores/cluster.ts';
import { openPostgresDatabase } from './stores/postgres-database.ts';
import { openSingleNode } from './stores/single-node.ts';
import { openSqliteDatabase } from './stores/sqlite-database.ts';
import type { StoreOptions, Stores } from './stores/store-options.ts';

/**
 * Opens what a server keeps.
 *
 * @throws StartError where it cannot be had
 */
export async function openStores(options: StoreOptions): Promise<Stores> {
  const { redis } = options;
  const shared = redis !== null;
  if (!shared && options.replicatesChannels) throw new StartError(REPLICATED_ALONE);
  const database =
    options.database.kind === 'sqlite'
      ? await openSqliteDatabase(options.database.path, shared, options)
      : await openPostgresDatabase(options.database, shared, options);
  try {
    return redis === null
      ? await openSingleNode(database, options)
      : await (
          await loadCluster()
        )(database, redis, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}

const REPLICATED_ALONE =
  'the contract has channels with durability "replicated", and without CARILLON_REDIS_URL there is no replica: name a Redis that has one, or declare them "stored" or "memory"';

/** The driver is an optional peer: who runs one node need not have it. */
async function loadCluster(): Promise<typeof openCluster> {
  try {
    return (await import('./stores/cluster.ts')).openCluster;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new StartError(
      'CARILLON_REDIS_URL: the package @redis/client is not installed: npm install @redis/client@6',
    );
  }
}
