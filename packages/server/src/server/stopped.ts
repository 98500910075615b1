import { createSqliteDirectory } from '../adapters/sql/directory.ts';
import { createSqliteJournal } from '../adapters/sql/journal.ts';
import { openSqlite, type Sqlite } from '../adapters/sql/sqlite.ts';
import { type EdgeStreamOptions, readEdges } from '../gateways/http-api/edge-stream.ts';
import { lockDatabase, reasonOf } from './database-lock.ts';
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
  databasePath: string,
  source: AsyncIterable<Uint8Array>,
  { followsPerUser, ...options }: EdgeStreamOptions & { readonly followsPerUser: number },
  onProgress: (progress: ImportProgress) => void,
): Promise<ImportProgress> {
  return withDatabase(databasePath, async (database) => {
    const directory = createSqliteDirectory(database);
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
export async function tryDatabase(databasePath: string): Promise<number | null> {
  return withDatabase(databasePath, async (database) => {
    const { aliveAtMs, stamp } = await createSqliteJournal(database).load();
    // Writes back what stands there: anything else would count as a life of the server.
    if (aliveAtMs !== null) await database.writer.put('alive', aliveAtMs, stamp);
    else await database.writer.put('dropSession', '');
    return aliveAtMs;
  });
}

async function withDatabase<T>(databasePath: string, use: (database: Sqlite) => Promise<T>): Promise<T> {
  const lock = lockDatabase(databasePath);
  let database: Sqlite | undefined;
  try {
    database = await openSqlite({ path: databasePath });
    return await use(database);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`CARILLON_DATABASE_URL: ${databasePath}: ${reasonOf(error)}`);
  } finally {
    await database?.close();
    lock.release();
  }
}
