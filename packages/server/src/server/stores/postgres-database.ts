import { createPostgresDirectory } from '../../adapters/sql/postgres/directory.ts';
import { createPostgresDocuments } from '../../adapters/sql/postgres/documents.ts';
import { createPostgresEventStore } from '../../adapters/sql/postgres/event-store.ts';
import { createPostgresJournal } from '../../adapters/sql/postgres/journal.ts';
import { createKeptQueue } from '../../adapters/sql/postgres/kept-writes.ts';
import { createPostgresLog } from '../../adapters/sql/postgres/log.ts';
import type { Postgres } from '../../adapters/sql/postgres/connection.ts';
import { openPostgres } from '../../adapters/sql/postgres/postgres.ts';
import { createPostgresRevocations } from '../../adapters/sql/postgres/revocations.ts';
import { keptPostgresKey } from '../../adapters/sql/postgres/server-key.ts';
import { type DatabaseConfig, databaseName } from '../../config/database.ts';
import { reasonOf } from '../database-lock.ts';
import { lockPostgres } from '../postgres-lock.ts';
import { StartError } from '../start-error.ts';
import type { StoreOptions } from './store-options.ts';
import type { Database } from './database.ts';
import { newEpoch } from './new-epoch.ts';
import { DATABASE_ID, OWN_SECRET } from './own-secrets.ts';

/**
 * Opens a Postgres.
 *
 * @param shared whether other nodes use it at the same time: they have Redis too
 * @throws StartError where it cannot be reached or opened, or another process uses it otherwise
 */
export async function openPostgresDatabase(
  config: DatabaseConfig & { readonly kind: 'postgres' },
  shared: boolean,
  options: StoreOptions,
): Promise<Database> {
  const lock = await lockPostgres(config, shared ? 'shared' : 'alone', options.onFailed);
  let postgres: Postgres | undefined;
  try {
    postgres = await openPostgres({
      url: config.url,
      limits: config,
      onLost: (detail) => options.telemetry.warn('postgres_connection_lost', { detail }),
    });
    return await databaseOn(postgres, shared, options, () => lock.release());
  } catch (error) {
    await postgres?.close();
    await lock.release();
    throw new StartError(
      `CARILLON_DATABASE_URL: ${databaseName(config)} cannot be opened: ${reasonOf(error)}`,
    );
  }
}

async function databaseOn(
  postgres: Postgres,
  shared: boolean,
  { storesChannels, laneLimits, clock, telemetry, secrets }: StoreOptions,
  release: () => Promise<void>,
): Promise<Database> {
  const queue = createKeptQueue(postgres, (detail) => telemetry.warn('write_refused', { detail }));
  const storedLog = storesChannels
    ? await createPostgresLog(postgres, {
        newEpoch: () => newEpoch(secrets),
        limits: laneLimits,
        shared,
        onRefused: (detail) => telemetry.warn('append_refused', { detail }),
        onRenewed: (reason) => telemetry.warn('log_renewed', { reason }),
      })
    : null;
  const journal = createPostgresJournal(postgres, queue);
  return {
    id: await keptPostgresKey(postgres, DATABASE_ID, secrets.token),
    ownSecret: await keptPostgresKey(postgres, OWN_SECRET, () => secrets.token() + secrets.token()),
    directory: createPostgresDirectory(postgres, queue),
    journal,
    revocations: await createPostgresRevocations(postgres, queue, () => clock.nowMs()),
    eventsOf: (node) => createPostgresEventStore(postgres, queue, node),
    storedLog,
    storedDocuments: storedLog === null ? null : createPostgresDocuments(postgres),
    async probe(steadyMs, stamp, wallMs) {
      await queue.ask({ kind: 'alive', nowMs: steadyMs, stamp, wallMs });
      await storedLog?.probe();
    },
    async close() {
      await storedLog?.close();
      await queue.close();
      await postgres.close();
      await release();
    },
  };
}
