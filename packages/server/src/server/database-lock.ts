import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { StartError } from './start-error.ts';

export type DatabaseLock = { release(): void };

/**
 * Holds a database, for this process alone or with others that share it too. Two servers on one file would each take up the other's sessions and write
 * over what the other journals. The lock is SQLite's own on a file beside it, which the kernel drops with the process,
 * however that ends.
 *
 * @throws StartError where another process holds it otherwise
 */
export function lockDatabase(databasePath: string, use: 'alone' | 'shared' = 'alone'): DatabaseLock {
  try {
    mkdirSync(dirname(databasePath), { recursive: true });
    const lock = new BetterSqlite3(`${databasePath}-lock`, { timeout: 0 });
    try {
      if (use === 'alone') lock.exec('BEGIN EXCLUSIVE');
      // A transaction that has read: others may read too, and nobody can have it alone.
      else lock.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
    } catch (error) {
      lock.close();
      throw error;
    }
    return { release: () => void lock.close() };
  } catch (error) {
    if (isBusy(error)) {
      throw new StartError(
        `CARILLON_DATABASE_URL: another process uses ${databasePath}: stop it, or give this one a file of its own`,
      );
    }
    throw new StartError(`CARILLON_DATABASE_URL: ${databasePath} cannot be opened: ${reasonOf(error)}`);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
