import type { OutboxRow } from './outbox-rows.ts';
import { OUTBOX_LANES, type OutboxNames } from './outbox-schema.ts';
import { type PgStatement, pgStatement } from './statement.ts';

/** Rows that are counted for the lag at most: counting must stay cheap where an outbox has run full. */
export const MAX_COUNTED = 100_000;

/** Rows that are done and kept no longer, deleted at once. */
const PURGED_AT_ONCE = 1_000;

export type OutboxStatements = {
  /** first lane, how many: locks lanes that have rows waiting */
  readonly lock: PgStatement<{ lane: number; failures: number }>;
  /** lanes, rows a lane, bytes of a row at most, bytes in all */
  readonly read: PgStatement<OutboxRow>;
  /** ids */
  readonly remove: PgStatement<never>;
  /** ids */
  readonly markDone: PgStatement<never>;
  /** ids, codes, details */
  readonly markDead: PgStatement<never>;
  /** ids, details */
  readonly markTried: PgStatement<never>;
  /** lanes, ms at first, ms at most: gives for how many ms the one that comes first is passed over */
  readonly pause: PgStatement<{ ms: number }>;
  /** lanes */
  readonly goOn: PgStatement<never>;
  readonly count: PgStatement<{ waiting: number; dead: number }>;
  /** ms */
  readonly purge: PgStatement<{ deleted: number }>;
};

export function outboxStatements({ table, lanes }: OutboxNames): OutboxStatements {
  return {
    // What another round holds is left to it. Which lanes come first differs from round to round: none is always the last.
    lock: pgStatement(
      'outbox_lock',
      `SELECT l.lane, l.failures FROM ${lanes} AS l
        WHERE l.paused_until <= clock_timestamp()
          AND EXISTS (SELECT FROM ${table} AS o WHERE o.lane = l.lane AND o.state = 'waiting')
        ORDER BY (l.lane + $1::integer) % ${OUTBOX_LANES} LIMIT $2::bigint
        FOR UPDATE OF l SKIP LOCKED`,
    ),
    // The payload is fetched and made into text only for the rows that are given.
    read: pgStatement(
      'outbox_read',
      `SELECT id, event_id, topic, key, headers, lane, bytes,
          (extract(epoch FROM created_at) * 1000)::float8 AS at_ms,
          CASE WHEN bytes <= $3::bigint THEN payload::text END AS payload,
          CASE WHEN bytes <= $3::bigint THEN body END AS body
        FROM (
          SELECT o.*, coalesce(sum(CASE WHEN o.bytes <= $3::bigint THEN o.bytes END)
              OVER (ORDER BY o.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
            FROM unnest($1::smallint[]) AS l (lane) CROSS JOIN LATERAL (
              SELECT * FROM ${table} AS t WHERE t.lane = l.lane AND t.state = 'waiting' ORDER BY t.id LIMIT $2::bigint
            ) AS o
        ) AS next
        WHERE bytes_before < $4::bigint
        ORDER BY id`,
    ),
    remove: pgStatement('outbox_remove', `DELETE FROM ${table} WHERE id = ANY($1::bigint[])`),
    markDone: pgStatement(
      'outbox_done',
      `UPDATE ${table} SET state = 'done', settled_at = clock_timestamp(), detail = NULL
        WHERE id = ANY($1::bigint[])`,
    ),
    markDead: pgStatement(
      'outbox_dead',
      `UPDATE ${table} AS t SET state = 'dead', settled_at = clock_timestamp(), code = d.code, detail = d.detail
        FROM unnest($1::bigint[], $2::text[], $3::text[]) AS d (id, code, detail) WHERE t.id = d.id`,
    ),
    markTried: pgStatement(
      'outbox_tried',
      `UPDATE ${table} AS t SET attempts = attempts + 1, detail = d.detail
        FROM unnest($1::bigint[], $2::text[]) AS d (id, detail) WHERE t.id = d.id`,
    ),
    pause: pgStatement(
      'outbox_pause',
      `WITH paused AS (
          UPDATE ${lanes} SET failures = failures + 1, paused_until =
              clock_timestamp() + interval '1 millisecond' * least($3::float8, $2::float8 * 2 ^ least(failures, 16))
            WHERE lane = ANY($1::smallint[])
            RETURNING paused_until
        )
        SELECT greatest(extract(epoch FROM min(paused_until) - clock_timestamp()) * 1000, 0)::float8 AS ms FROM paused`,
    ),
    goOn: pgStatement('outbox_go_on', `UPDATE ${lanes} SET failures = 0 WHERE lane = ANY($1::smallint[])`),
    count: pgStatement(
      'outbox_count',
      `SELECT
          (SELECT count(*) FROM (SELECT FROM ${table} WHERE state = 'waiting' LIMIT ${MAX_COUNTED}) AS w) AS waiting,
          (SELECT count(*) FROM (SELECT FROM ${table} WHERE state = 'dead' LIMIT ${MAX_COUNTED}) AS d) AS dead`,
    ),
    purge: pgStatement(
      'outbox_purge',
      `WITH old AS (
          SELECT id FROM ${table}
            WHERE state = 'done' AND settled_at < clock_timestamp() - interval '1 millisecond' * $1::float8
            LIMIT ${PURGED_AT_ONCE} FOR UPDATE SKIP LOCKED
        ), gone AS (DELETE FROM ${table} AS t USING old WHERE t.id = old.id RETURNING 1)
        SELECT count(*) AS deleted FROM gone`,
    ),
  };
}
