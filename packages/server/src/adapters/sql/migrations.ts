import type { Database } from 'better-sqlite3';
import { directoryAndJournal } from './migrations/0001-directory-and-journal.ts';
import { aliveByTheWall } from './migrations/0002-alive-by-the-wall.ts';
import { revocationsAndEvents } from './migrations/0003-revocations-and-events.ts';
import { eventsOfNodes } from './migrations/0004-events-of-nodes.ts';

/** In order; the schema's version is how many have been applied. One that was released is never edited. */
const MIGRATIONS: readonly string[] = [
  directoryAndJournal,
  aliveByTheWall,
  revocationsAndEvents,
  eventsOfNodes,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** The database belongs to a newer program: an older one must not touch what it does not understand. */
export type SchemaTooNew = Error & { readonly code: 'schema_too_new' };

/**
 * Brings the schema up to date, all or nothing.
 *
 * @param migrations those of the file's kind: the log is a file of its own
 * @throws SchemaTooNew when a newer program has already migrated the file
 */
export function migrate(database: Database, migrations: readonly string[] = MIGRATIONS): void {
  // Exclusive, so that of two processes that start on one file the second waits and then finds the work done.
  database.transaction(() => applyMissing(database, migrations)).exclusive();
}

function applyMissing(database: Database, migrations: readonly string[]): void {
  database.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT');
  const version = database.prepare<[], number>('SELECT max(version) FROM schema_version').pluck().get() ?? 0;
  if (version > migrations.length) throw schemaTooNew(version, migrations.length);
  for (const text of migrations.slice(version)) database.exec(text);
  if (version < migrations.length)
    database.prepare('INSERT INTO schema_version (version) VALUES (?)').run(migrations.length);
}

function schemaTooNew(version: number, known: number): SchemaTooNew {
  return Object.assign(
    new Error(
      `the database has schema version ${version}, this program knows ${known}: run the newer program`,
    ),
    { code: 'schema_too_new' as const },
  );
}
