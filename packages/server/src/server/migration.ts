import { existsSync } from 'node:fs';
import BetterSqlite3 from 'better-sqlite3';
import { SCHEMA_VERSION } from '../adapters/sql/migrations.ts';
import { type Migrated, migratePostgres } from '../adapters/sql/postgres/migrate.ts';
import type { Postgres } from '../adapters/sql/postgres/connection.ts';
import { connectPostgres } from '../adapters/sql/postgres/postgres.ts';
import { openSqlite } from '../adapters/sql/sqlite.ts';
import { type DatabaseConfig, databaseName } from '../config/database.ts';
import { lockDatabase, reasonOf } from './database-lock.ts';
import { StartError } from './start-error.ts';

/**
 * Brings the schema of a database up to date without starting a server. Nodes of the version before may go on with Postgres
 * meanwhile; an SQLite file is for one process.
 *
 * @throws StartError where it cannot be reached, belongs to a newer program, or a server uses the file
 */
export function migrateDatabase(config: DatabaseConfig): Promise<Migrated> {
  return config.kind === 'sqlite' ? migrateSqlite(config.path) : migrateOverNetwork(config);
}

async function migrateSqlite(path: string): Promise<Migrated> {
  const lock = lockDatabase(path);
  try {
    const from = existsSync(path) ? versionOf(path) : 0;
    await (await openSqlite({ path })).close();
    const applied = Array.from({ length: SCHEMA_VERSION - from }, (_, i) => String(from + i + 1));
    return { from, to: SCHEMA_VERSION, applied };
  } catch (error) {
    throw new StartError(`CARILLON_DATABASE_URL: ${path}: ${reasonOf(error)}`);
  } finally {
    lock.release();
  }
}

function versionOf(path: string): number {
  const file = new BetterSqlite3(path, { readonly: true });
  try {
    const hasVersion = file.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'").get();
    if (hasVersion === undefined) return 0;
    return file.prepare<[], number>('SELECT max(version) FROM schema_version').pluck().get() ?? 0;
  } finally {
    file.close();
  }
}

async function migrateOverNetwork(config: DatabaseConfig & { readonly kind: 'postgres' }): Promise<Migrated> {
  let postgres: Postgres | undefined;
  try {
    postgres = await connectPostgres({ url: config.url, limits: config });
    return await migratePostgres(postgres);
  } catch (error) {
    throw new StartError(`CARILLON_DATABASE_URL: ${databaseName(config)}: ${reasonOf(error)}`);
  } finally {
    await postgres?.close();
  }
}
