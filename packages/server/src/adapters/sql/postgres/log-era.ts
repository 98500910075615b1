import type { PgServer, PgTransaction } from './connection.ts';
import { pgStatement } from './statement.ts';

/** Not for update: the row's own xmin is compared, and a lock would not change that, but nothing here needs one. */
const eraFound = pgStatement<{ era: string; server: string | null; is_as_written: boolean }>(
  'log_era_found',
  `SELECT era, server, xmin::text::bigint = written_by % 4294967296 AS is_as_written FROM log_era`,
);

/** era, server */
const beginEra = pgStatement(
  'log_begin_era',
  `INSERT INTO log_era VALUES (1, $1, $2, pg_current_xact_id()::text::bigint)
    ON CONFLICT (id) DO UPDATE SET
      era = excluded.era, server = excluded.server, written_by = excluded.written_by`,
);

/** Held while an era begins. Any number, the same in every node. */
const ERA_LOCK = 3_405_691_583;

/**
 * Goes on with the era of the database where nothing speaks against it, or begins one. Nodes that ask at once get the same.
 * docs/decisions/0016-postgres.md says what is seen by it and what is not.
 *
 * @param seenLsn how far this node knows the write-ahead log to have come
 * @returns why a new era began although there was one; null: it did not
 */
export async function settleEra(
  within: PgTransaction,
  server: PgServer,
  seenLsn: bigint,
  newEra: () => string,
): Promise<string | null> {
  // Looked at without a lock first, for each new connection asks.
  const first = doubtAbout((await within.run(eraFound))[0], server, seenLsn);
  if (first === null) return null;
  await within.exec(`BEGIN; SELECT pg_advisory_xact_lock(${ERA_LOCK})`);
  const [found] = await within.run(eraFound);
  const doubt = doubtAbout(found, server, seenLsn);
  if (doubt !== null) await within.run(beginEra, newEra(), server.identity);
  await within.exec('COMMIT');
  return found === undefined ? null : doubt;
}

function doubtAbout(
  found: { readonly server: string | null; readonly is_as_written: boolean } | undefined,
  server: PgServer,
  seenLsn: bigint,
): string | null {
  if (found === undefined) return 'there is none';
  if (!found.is_as_written) return 'the database was put back from a dump';
  if (server.identity !== null && server.identity !== found.server)
    return `it is another server, or another timeline: ${server.identity}, no longer ${found.server}`;
  if (server.lsn < seenLsn)
    return `its write-ahead log lacks the last ${seenLsn - server.lsn} bytes that were there`;
  return null;
}
