import { type PostgresHold, holdPostgres } from '../adapters/sql/postgres/hold.ts';
import { type DatabaseConfig, databaseName } from '../config/database.ts';
import { reasonOf } from './database-lock.ts';
import { StartError } from './start-error.ts';

/**
 * Holds a Postgres database as `lockDatabase` does a file: alone, or with other nodes that share it over Redis.
 *
 * @param onFailed told once if another process took it while its connection was down
 * @throws StartError where another process uses it otherwise, or it cannot be reached
 */
export async function lockPostgres(
  config: DatabaseConfig & { readonly kind: 'postgres' },
  use: 'alone' | 'shared',
  onFailed: (reason: string) => void,
): Promise<PostgresHold> {
  const name = databaseName(config);
  const inUse =
    use === 'alone'
      ? `another process uses ${name}: stop it, or give all of them one CARILLON_REDIS_URL`
      : `another process uses ${name} without Redis: stop it, or give it this CARILLON_REDIS_URL`;
  let hold: PostgresHold | null;
  try {
    hold = await holdPostgres({ url: config.url, limits: config }, use, () => onFailed(inUse));
  } catch (error) {
    throw new StartError(`CARILLON_DATABASE_URL: ${name} cannot be opened: ${reasonOf(error)}`);
  }
  if (hold === null) throw new StartError(`CARILLON_DATABASE_URL: ${inUse}`);
  return hold;
}
