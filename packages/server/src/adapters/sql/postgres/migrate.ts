import type { PgTransaction, Postgres } from './connection.ts';
import { everything } from './migrations/0001-everything.ts';
import { lanes } from './migrations/0002-lanes.ts';
import { refs } from './migrations/0003-refs.ts';
import { idempotencyWindows } from './migrations/0004-idempotency-windows.ts';
import { documents } from './migrations/0005-documents.ts';

type Migration = { readonly number: number; readonly name: string; readonly text: string };

/**
 * In order, by their numbers; one that was released is never edited.
 *
 * Programs of version N and N-1 run side by side on one schema, so it changes by **expand and contract**: a release adds
 * (tables, nullable columns, columns with a default, indexes) and writes both the old and the new; only the release after it
 * removes what then nobody reads any more. A column is never renamed and never changes what it means. An index on a large
 * table would stop writes while it is made: it gets a release note of its own.
 */
export const POSTGRES_MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'everything', text: everything },
  { number: 2, name: 'lanes', text: lanes },
  { number: 3, name: 'refs', text: refs },
  { number: 4, name: 'idempotency windows', text: idempotencyWindows },
  { number: 5, name: 'documents', text: documents },
];

/** Held while migrating. Any number, the same in every node. */
const MIGRATION_LOCK = 3_405_691_582;

/** What a migration may take, ms: longer than statements of a server that serves. */
const MIGRATION_MS = 60_000;

/** What was found, and what was done about it. */
export type Migrated = { readonly from: number; readonly to: number; readonly applied: readonly string[] };

/**
 * Brings the schema up to date, all or nothing. Of several nodes that start at once one does it, and the others wait.
 *
 * @throws Error with the code `schema_too_new` where a newer program has migrated the database
 * @throws StoreUnavailable
 */
export async function migratePostgres(
  postgres: Pick<Postgres, 'transaction'>,
  migrations: readonly Migration[] = POSTGRES_MIGRATIONS,
): Promise<Migrated> {
  const known = migrations.at(-1)?.number ?? 0;
  const found = await postgres.transaction(async (within) => {
    await within.exec(`
      SET LOCAL statement_timeout = ${MIGRATION_MS};
      SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    await within.exec(`
      CREATE TABLE IF NOT EXISTS schema_migrations (
        number integer PRIMARY KEY,
        name text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`);
    return applyMissing(within, migrations, known);
  });
  if (found.from > known) throw schemaTooNew(found.from, known);
  return found;
}

async function applyMissing(
  within: PgTransaction,
  migrations: readonly Migration[],
  known: number,
): Promise<Migrated> {
  const [row] = await within.exec('SELECT coalesce(max(number), 0) AS version FROM schema_migrations');
  const from = Number(row?.['version'] ?? 0);
  if (from > known) return { from, to: from, applied: [] };
  const missing = migrations.filter(({ number }) => number > from);
  for (const { number, name, text } of missing) {
    await within.exec(text);
    // Both are the program's own.
    await within.exec(`INSERT INTO schema_migrations (number, name) VALUES (${number}, '${name}')`);
  }
  return { from, to: known, applied: missing.map(({ number, name }) => `${number} ${name}`) };
}

function schemaTooNew(version: number, known: number): Error {
  return Object.assign(
    new Error(
      `the database has schema version ${version}, this program knows ${known}: run the newer program`,
    ),
    { code: 'schema_too_new' as const },
  );
}
