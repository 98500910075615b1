import type { ClientBase, ClientConfig, Pool, PoolClient, PoolConfig } from 'pg';
import { storeUnavailable } from '../../../ports/unavailable.ts';
import type { PgServer, PgTransaction, Postgres } from './connection.ts';
import { readServer } from './server-identity.ts';
import { asUnavailable, mayBeRepeated } from './postgres-errors.ts';
import { migratePostgres } from './migrate.ts';
import type { PgStatement, PgValue } from './statement.ts';

export type PostgresLimits = {
  /** Connections of this process at most; more callers wait. */
  readonly poolSize: number;
  /** ms until a connection stands, or one of the pool is free. */
  readonly connectMs: number;
  /** ms a statement may take. Postgres ends it then; where Postgres itself hangs, the connection is given up soon after. */
  readonly statementMs: number;
};

export const POSTGRES_LIMITS: PostgresLimits = { poolSize: 10, connectMs: 5_000, statementMs: 5_000 };

/** How much longer than the server the client waits for the end of a statement, ms: then nobody is there who would end it. */
const HANGS_AFTER_MS = 1_000;

/** A transaction in which nothing happens for so long, ms, is ended by Postgres: its node hangs, and holds rows of others. */
export const IDLE_IN_TRANSACTION_MS = 5_000;

/**
 * Every statement here is short; compiling one to machine code takes Postgres a thousand times as long as running it, and it
 * does where a table that has not been analyzed yet makes it guess. And a commit that is answered has been written.
 */
const SESSION_SETTINGS = `
  SET jit = off;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

/** How often a transaction is begun anew that came into the way of another. */
const ATTEMPTS = 5;

/** How Postgres gives int8: as text, for it may be beyond what a number holds. None of ours is. */
const INT8 = 20;

export type PostgresOptions = {
  readonly url: string;
  readonly limits?: Partial<PostgresLimits> | undefined;
  /** In place of `IDLE_IN_TRANSACTION_MS`, where a transaction waits for something else than Postgres. */
  readonly idleInTransactionMs?: number | undefined;
  /** Told of each connection that broke while nobody used it; for the log. */
  readonly onLost?: ((detail: string) => void) | undefined;
};

type Check = (within: PgTransaction, server: PgServer) => Promise<void>;

/**
 * Connects to Postgres and brings the schema up to date.
 *
 * @throws Error with a `code` (of Postgres, of the network, `schema_too_new` or `driver_missing`) and one clear line
 */
export async function openPostgres(options: PostgresOptions): Promise<Postgres> {
  const postgres = await connectPostgres(options);
  try {
    await migratePostgres(postgres);
    return postgres;
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

/** Connects without touching the schema. */
export async function connectPostgres({
  url,
  limits,
  idleInTransactionMs = IDLE_IN_TRANSACTION_MS,
  onLost,
}: PostgresOptions): Promise<Postgres> {
  const { poolSize, connectMs, statementMs } = { ...POSTGRES_LIMITS, ...limits };
  const { default: pg } = await loadDriver();
  const checks: Check[] = [];
  let isClosed = false;

  const config: Omit<PoolConfig, 'onConnect' | 'types'> & {
    readonly pipeline: boolean;
    readonly onConnect: (client: ClientBase) => Promise<void>;
    readonly types: unknown;
  } = {
    ...connectionOf(url, { connectMs, statementMs }),
    max: poolSize,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    // Statements that need not wait for each other's results share a round trip.
    pipeline: true,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary'): unknown =>
        oid === INT8 ? Number : (pg.types.getTypeParser(oid, format) as unknown),
    },
    onConnect: greet,
  };
  // Its types do not know that the pool waits for `onConnect`.
  const pool: Pool = new pg.Pool(config as PoolConfig);
  pool.on('error', (error) => onLost?.(error.message));

  async function greet(client: ClientBase): Promise<void> {
    // While somebody uses it, an error rejects what they run; the listener keeps one that comes first from ending the process.
    client.on('error', () => undefined);
    const within = transactionOn(client);
    await within.exec(SESSION_SETTINGS);
    if (checks.length === 0) return;
    const server = await readServer(within);
    for (const check of checks) await check(within, server);
  }

  async function checkedOut<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    if (isClosed) throw storeUnavailable('the database is closed');
    let client: PoolClient | undefined;
    try {
      client = await pool.connect();
      const result = await use(client);
      client.release();
      return result;
    } catch (error) {
      // What state the connection is in is not known: it may still wait for an answer.
      client?.release(true);
      throw asUnavailable(error);
    }
  }

  async function inTransaction<T>(work: (within: PgTransaction) => Promise<T>, end: string): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await checkedOut(async (client) => {
          // Not awaited: the first statement goes out with it. Where it fails the connection is broken, and so is what follows.
          const begun = client.query('BEGIN');
          begun.catch(() => undefined);
          const result = await work(transactionOn(client));
          if (end !== '') await client.query(end);
          return result;
        });
      } catch (error) {
        if (attempt === ATTEMPTS || !mayBeRepeated(error)) throw error;
      }
    }
  }

  return {
    run: (statement, ...values) => checkedOut((client) => runOn(client, statement, values)),
    transaction: (work) => inTransaction(work, 'COMMIT'),
    committing: (work) => inTransaction(work, ''),
    async onConnected(check) {
      checks.push(check);
      await checkedOut(async (client) => {
        const within = transactionOn(client);
        await check(within, await readServer(within));
      });
    },
    async close() {
      isClosed = true;
      await pool.end();
    },
  } satisfies Postgres;
}

/** What any connection to Postgres has. */
export function connectionOf(
  url: string,
  { connectMs, statementMs }: Pick<PostgresLimits, 'connectMs' | 'statementMs'>,
): ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    query_timeout: statementMs + HANGS_AFTER_MS,
    keepAlive: true,
    application_name: 'carillon',
  };
}

/** Loaded only where a Postgres is configured: not everybody has it. */
export async function loadDriver(): Promise<typeof import('pg')> {
  try {
    return await import('pg');
  } catch (error) {
    throw Object.assign(new Error('a Postgres database needs the package `pg`: npm install pg@8'), {
      code: 'driver_missing' as const,
      cause: error,
    });
  }
}

function transactionOn(client: ClientBase): PgTransaction {
  return {
    run: (statement, ...values) => runOn(client, statement, values),
    async exec(text) {
      const results: unknown = await client.query(text);
      // Of several statements the driver gives several results.
      const last = (Array.isArray(results) ? (results as readonly Result[]) : [results as Result]).findLast(
        ({ rows }) => rows.length > 0,
      );
      return last?.rows ?? [];
    },
  };
}

type Result = { readonly rows: readonly Readonly<Record<string, unknown>>[] };

async function runOn<Row>(
  client: ClientBase,
  { name, text }: PgStatement<Row>,
  values: readonly PgValue[],
): Promise<readonly Row[]> {
  const { rows } = await client.query({ name, text, values: [...values] });
  return rows as readonly Row[];
}
