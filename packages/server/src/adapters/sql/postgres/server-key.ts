import type { Postgres } from './connection.ts';
import { pgStatement } from './statement.ts';

/** name */
const readKey = pgStatement<{ secret: string }>('read_key', 'SELECT secret FROM server_keys WHERE name = $1');
/** name, secret */
const keepKey = pgStatement(
  'keep_key',
  'INSERT INTO server_keys VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
);

/**
 * A secret that the servers of this database made for themselves and keep: the same for all of them, and after every restart.
 *
 * @param make gives a new one, for the first time
 * @throws StoreUnavailable
 */
export async function keptPostgresKey(
  postgres: Pick<Postgres, 'run'>,
  name: string,
  make: () => string,
): Promise<string> {
  const [kept] = await postgres.run(readKey, name);
  if (kept !== undefined) return kept.secret;
  const made = make();
  // Whoever comes first wins, and both read what that was.
  await postgres.run(keepKey, name, made);
  const [now] = await postgres.run(readKey, name);
  return now?.secret ?? made;
}
