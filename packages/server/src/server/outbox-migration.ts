import type { Postgres } from '../adapters/sql/postgres/connection.ts';
import { migrateOutbox, outboxSchema } from '../adapters/sql/postgres/outbox-schema.ts';
import { connectPostgres } from '../adapters/sql/postgres/postgres.ts';
import { databaseName } from '../config/database.ts';
import type { OutboxConfig } from '../config/feeds/outbox.ts';
import { reasonOf } from './database-lock.ts';
import { StartError } from './start-error.ts';

/** What makes an outbox table, for a migration of the app's own. */
export { outboxSchema as outboxSql };

/** Where an outbox is, without user and password, and whether its table was made now. */
export type OutboxMade = { readonly where: string; readonly made: boolean };

/**
 * Makes the outbox table in the app's own Postgres, where it is not there yet.
 *
 * @throws StartError where it cannot be reached, or its user may not
 */
export async function makeOutbox({ url, table, connectMs, statementMs }: OutboxConfig): Promise<OutboxMade> {
  const where = `${table} in ${databaseName({ kind: 'postgres', url, poolSize: 2, connectMs, statementMs })}`;
  let postgres: Postgres | undefined;
  try {
    postgres = await connectPostgres({ url, limits: { poolSize: 2, connectMs, statementMs } });
    return { where, made: await migrateOutbox(postgres, table) };
  } catch (error) {
    throw new StartError(`CARILLON_OUTBOX_URL: ${where}: ${reasonOf(error)}`);
  } finally {
    await postgres?.close();
  }
}
