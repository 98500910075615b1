import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { createSqliteBuilder, textsOf } from './compile.ts';
import { directoryWrites } from './directory-writes.ts';
import type { DirectoryTables } from './tables.ts';
import { type Writer, startWriter } from './writer.ts';

/** How long a read waits where it must wait at all: only while the last process's log is being recovered. */
const BUSY_TIMEOUT_MS = 1_000;

export type SqliteOptions = {
  /** The file. It and its folder are made where they do not exist. */
  readonly path: string;
  /** Told of each write that was refused, for the log. */
  readonly onRefused?: ((detail: string) => void) | undefined;
  /** Told once if the writer's thread ends unasked: nothing can be written any more in this process. */
  readonly onEnded?: ((reason: string) => void) | undefined;
};

/** One open database: a thread that writes, and a connection on this thread that only reads. */
export type Sqlite = {
  readonly reader: Database;
  readonly writer: Writer;
  /** Commits what was written so far, then closes both. */
  close(): Promise<void>;
};

/**
 * Opens a database file and brings its schema up to date.
 *
 * @throws Error with a `code` (of SQLite, of the file system, or `schema_too_new`) and one clear line
 */
export async function openSqlite({ path, onRefused, onEnded }: SqliteOptions): Promise<Sqlite> {
  if (path === '' || path === ':memory:') {
    throw Object.assign(
      new Error('the database must be a file: its writer and its readers are two connections'),
      {
        code: 'path_invalid' as const,
      },
    );
  }
  mkdirSync(dirname(path), { recursive: true });
  const directory = textsOf(directoryWrites(createSqliteBuilder<DirectoryTables>()));
  const writer = await startWriter(
    { path, directory },
    onRefused ?? (() => undefined),
    onEnded ?? (() => undefined),
  );
  const reader = new BetterSqlite3(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  return {
    reader,
    writer,
    async close() {
      // The reader first: the last connection to close folds the write-ahead log into the file.
      reader.close();
      await writer.close();
    },
  };
}
