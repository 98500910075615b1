import type { PgServer, PgTransaction } from './connection.ts';
import { sqlStateOf } from './postgres-errors.ts';
import { pgStatement } from './statement.ts';

/** SQLSTATE: no such function, or no right to it. Some hosted Postgres have neither. */
const NOT_FOR_US = new Set(['42501', '42883', '0A000']);

/**
 * The timeline is read off the name of the file that is written to: the control file has it only from the first checkpoint
 * behind a promotion on.
 */
const identity = pgStatement<{ identity: string; lsn: string }>(
  'server_identity',
  `SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS identity,
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text AS lsn
  FROM pg_control_system()`,
);

const NOTHING_KNOWN: PgServer = { identity: null, lsn: 0n };

export async function readServer(within: PgTransaction): Promise<PgServer> {
  try {
    const [row] = await within.run(identity);
    return row === undefined ? NOTHING_KNOWN : { identity: row.identity, lsn: BigInt(row.lsn) };
  } catch (error) {
    // 55000: a standby, which writes nothing. What is written to it is refused by itself.
    if (NOT_FOR_US.has(sqlStateOf(error)) || sqlStateOf(error) === '55000') return NOTHING_KNOWN;
    throw error;
  }
}
