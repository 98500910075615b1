import type { Client } from 'pg';
import { asUnavailable } from './postgres-errors.ts';
import { POSTGRES_LIMITS, type PostgresOptions, connectionOf, loadDriver } from './postgres.ts';

/** Any number, the same in every process. */
const HOLD_LOCK = 3_405_691_585;

/** How soon a connection that was lost is tried again, ms. */
const RETRY_MS = 500;

/** A database that this process uses, for itself alone or beside others that share it too. */
export type PostgresHold = { release(): Promise<void> };

/**
 * Holds a database by a lock of Postgres's own that ends with its connection, however that ends. A process that has no Redis
 * journals its sessions and devices there, and needs it alone; those with Redis share it with each other.
 *
 * @param onTaken told once if another process took it while the connection was down: this one must not go on
 * @returns null where another process uses it otherwise
 * @throws StoreUnavailable
 */
export async function holdPostgres(
  { url, limits }: Pick<PostgresOptions, 'url' | 'limits'>,
  use: 'alone' | 'shared',
  onTaken: () => void,
): Promise<PostgresHold | null> {
  const { default: pg } = await loadDriver();
  const config = connectionOf(url, { ...POSTGRES_LIMITS, ...limits });
  let client: Client | null = null;
  let retry: NodeJS.Timeout | undefined;
  let released = false;

  /** @returns whether it is held */
  async function connect(): Promise<boolean> {
    const next = new pg.Client(config);
    next.on('error', () => undefined); // `end` follows.
    try {
      await next.connect();
      const lock = use === 'alone' ? 'pg_try_advisory_lock' : 'pg_try_advisory_lock_shared';
      const { rows } = await next.query<{ held: boolean }>(`SELECT ${lock}(${HOLD_LOCK}) AS held`);
      if (rows[0]?.held === true && !released) {
        client = next;
        next.once('end', again);
        return true;
      }
    } catch (error) {
      await next.end().catch(() => undefined); // It never stood, or is broken already.
      throw asUnavailable(error);
    }
    await next.end();
    return false;
  }

  function again(): void {
    client = null;
    if (released) return;
    retry = setTimeout(() => {
      connect().then((held) => {
        if (!held && !released) onTaken();
      }, again);
    }, RETRY_MS);
  }

  if (!(await connect())) return null;
  return {
    async release() {
      released = true;
      clearTimeout(retry);
      await client?.end().catch(() => undefined); // Broken: then Postgres has let it go.
    },
  } satisfies PostgresHold;
}
