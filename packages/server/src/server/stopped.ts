import { createSqliteDirectory } from '../adapters/sql/directory.ts';
import { createSqliteJournal } from '../adapters/sql/journal.ts';
import { createPostgresDirectory } from '../adapters/sql/postgres/directory.ts';
import { createPostgresJournal } from '../adapters/sql/postgres/journal.ts';
import { createKeptQueue } from '../adapters/sql/postgres/kept-writes.ts';
import type { Postgres } from '../adapters/sql/postgres/connection.ts';
import { openPostgres } from '../adapters/sql/postgres/postgres.ts';
import { openSqlite, type Sqlite } from '../adapters/sql/sqlite.ts';
import { type DatabaseConfig, databaseName } from '../config/database.ts';
import { type EdgeStreamOptions, readEdges } from '../gateways/http-api/edge-stream.ts';
import type { Directory } from '../ports/directory.ts';
import type { Journal } from '../ports/journal.ts';
import { lockDatabase, reasonOf } from './database-lock.ts';
import { lockPostgres } from './postgres-lock.ts';
import { StartError } from './start-error.ts';

/** What commands do with the database of a server that does not run. */

export type ImportProgress = {
  readonly edges: number;
  readonly added: number;
  readonly users: number;
  readonly refused: number;
};

/**
 * Imports edges into the directory of a stopped server. Importing again is harmless.
 *
 * @param options `followsPerUser`: edges beyond it are left out and counted as refused
 * @param onProgress told after each piece
 * @throws StartError where a server uses the database, or a line is wrong: what was stored before it stays
 */
export async function importIntoStopped(
  config: DatabaseConfig,
  source: AsyncIterable<Uint8Array>,
  { followsPerUser, ...options }: EdgeStreamOptions & { readonly followsPerUser: number },
  onProgress: (progress: ImportProgress) => void,
): Promise<ImportProgress> {
  return withDatabase(config, async ({ directory }) => {
    let progress: ImportProgress = { edges: 0, added: 0, users: 0, refused: 0 };
    for await (const batch of readEdges(source, options)) {
      if (!batch.ok)
        throw new StartError(
          `line ${batch.line}: ${batch.problem.detail}; ${progress.edges} edges before it are stored`,
        );
      // Stamps are microseconds since the epoch, as a running node gives them.
      const { added, users, refused } = await directory.importEdges(
        batch.edges,
        Date.now() * 1000,
        followsPerUser,
      );
      progress = {
        edges: progress.edges + batch.edges.length,
        added: progress.added + added,
        users: progress.users + users,
        refused: progress.refused + refused,
      };
      onProgress(progress);
    }
    return progress;
  });
}

/**
 * Opens a database, brings its schema up to date, writes to it and closes it.
 *
 * @returns when the server that used it last was known to live, ms since the epoch; null for a new one
 * @throws StartError where any of that fails
 */
export async function tryDatabase(config: DatabaseConfig): Promise<number | null> {
  return withDatabase(config, async ({ journal }) => {
    const { aliveAtMs, stamp } = await journal.load();
    // Writes back what stands there: anything else would count as a life of the server.
    if (aliveAtMs !== null) journal.alive(aliveAtMs, stamp);
    // What it awaits is durable behind what came before it, and no session is called that.
    await journal.dropSession('');
    return aliveAtMs;
  });
}

type Opened = { readonly directory: Directory; readonly journal: Journal };

function withDatabase<T>(config: DatabaseConfig, use: (opened: Opened) => Promise<T>): Promise<T> {
  return config.kind === 'sqlite' ? withSqlite(config.path, use) : withPostgres(config, use);
}

async function withSqlite<T>(path: string, use: (opened: Opened) => Promise<T>): Promise<T> {
  const lock = lockDatabase(path);
  let database: Sqlite | undefined;
  try {
    database = await openSqlite({ path });
    return await use({ directory: createSqliteDirectory(database), journal: createSqliteJournal(database) });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`CARILLON_DATABASE_URL: ${path}: ${reasonOf(error)}`);
  } finally {
    await database?.close();
    lock.release();
  }
}

async function withPostgres<T>(
  config: DatabaseConfig & { readonly kind: 'postgres' },
  use: (opened: Opened) => Promise<T>,
): Promise<T> {
  // Whoever takes it while its connection is down finds nothing half done: what is written is written in transactions.
  const lock = await lockPostgres(config, 'alone', () => undefined);
  let postgres: Postgres | undefined;
  try {
    postgres = await openPostgres({ url: config.url, limits: config });
    const queue = createKeptQueue(postgres);
    const result = await use({
      directory: createPostgresDirectory(postgres, queue),
      journal: createPostgresJournal(postgres, queue),
    });
    await queue.close();
    return result;
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`CARILLON_DATABASE_URL: ${databaseName(config)}: ${reasonOf(error)}`);
  } finally {
    await postgres?.close();
    await lock.release();
  }
}
