import { createSqliteDirectory } from '../../adapters/sql/directory.ts';
import { createSqliteEventStore } from '../../adapters/sql/event-store.ts';
import { createSqliteJournal } from '../../adapters/sql/journal.ts';
import { createSqliteLog, type SqliteLog } from '../../adapters/sql/log.ts';
import { createSqliteRevocations } from '../../adapters/sql/revocations.ts';
import { keptServerKey } from '../../adapters/sql/server-key.ts';
import { openSqlite, type Sqlite } from '../../adapters/sql/sqlite.ts';
import { lockDatabase, reasonOf } from '../database-lock.ts';
import { StartError } from '../start-error.ts';
import type { StoreOptions } from './store-options.ts';
import type { Database } from './database.ts';
import { newEpoch } from './new-epoch.ts';
import { DATABASE_ID, OWN_SECRET } from './own-secrets.ts';

/**
 * Opens an SQLite file.
 *
 * @param shared whether other processes of this machine use it at the same time. Then no channel can be stored in it: its
 * writer counts on being the only one
 * @throws StartError where the file cannot be opened, or another process has it for itself
 */
export async function openSqliteDatabase(
  path: string,
  shared: boolean,
  { storesChannels, laneLimits, clock, telemetry, secrets, onFailed }: StoreOptions,
): Promise<Database> {
  if (shared && storesChannels) throw new StartError(STORED_BY_MANY);
  const lock = lockDatabase(path, shared ? 'shared' : 'alone');
  let sqlite: Sqlite | undefined;
  let ownSecret: string;
  let id: string;
  try {
    sqlite = await openSqlite({
      path,
      onRefused: (detail) => telemetry.warn('write_refused', { detail }),
      onEnded: onFailed,
    });
    ownSecret = await keptServerKey(sqlite, OWN_SECRET, () => secrets.token() + secrets.token());
    id = await keptServerKey(sqlite, DATABASE_ID, () => secrets.token());
  } catch (error) {
    await sqlite?.close();
    lock.release();
    throw new StartError(`CARILLON_DATABASE_URL: ${path} cannot be opened: ${reasonOf(error)}`);
  }
  const { writer } = sqlite;
  const opened = sqlite;
  const closeFile = sqlite.close;

  let storedLog: SqliteLog | null = null;
  if (storesChannels) {
    try {
      storedLog = await createSqliteLog({
        path: logPath(path),
        newEpoch: () => newEpoch(secrets),
        limits: laneLimits,
        onRefused: (detail) => telemetry.warn('append_refused', { detail }),
        onEnded: onFailed,
        onRenewed: (reason) => telemetry.warn('log_renewed', { reason }),
      });
    } catch (error) {
      await closeFile();
      lock.release();
      throw new StartError(
        `CARILLON_DATABASE_URL: ${logPath(path)}, the history of channels beside the database, cannot be opened: ${reasonOf(error)}`,
      );
    }
  }

  return {
    id,
    directory: createSqliteDirectory(sqlite),
    journal: createSqliteJournal(sqlite),
    revocations: createSqliteRevocations(sqlite, () => clock.nowMs()),
    eventsOf: (node) => createSqliteEventStore(opened, node),
    ownSecret,
    storedLog,
    storedDocuments: storedLog?.documents ?? null,
    async probe(steadyMs, stamp, wallMs) {
      await writer.put('alive', steadyMs, stamp, wallMs);
      await storedLog?.probe();
    },
    async close() {
      await storedLog?.close();
      await closeFile();
      lock.release();
    },
  };
}

const STORED_BY_MANY =
  'CARILLON_DATABASE_URL: the contract has channels with durability "stored", and with CARILLON_REDIS_URL their history needs Postgres: set postgres://…, or declare them "memory"';

/** Where the history of stored channels lies: in a file of its own, so that its commits wait for no others. */
function logPath(databasePath: string): string {
  return databasePath.endsWith('.sqlite')
    ? `${databasePath.slice(0, -'.sqlite'.length)}.log.sqlite`
    : `${databasePath}.log`;
}
