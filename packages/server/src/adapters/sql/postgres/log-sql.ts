import type { ChannelRow } from '../log-tables.ts';
import { pgStatement } from './statement.ts';

/** A channel's row, as Postgres keeps it. */
export type PgChannelRow = ChannelRow & { oldest_at_ms: number | null };

const CHANNEL = `id, name, turn, top, floor, oldest_at_ms, units, keys, tombstones, ids,
  keep_count, keep_age_ms, keep_units, keep_keys, keep_once_ms, due_ms`;

const EMPTY = 'due_ms IS NULL AND floor = top AND keys = 0 AND tombstones = 0 AND ids = 0';

export type LogStateRow = { turns: number; untouched: number; channels: number; dropped: number };

export const readEra = pgStatement<{ era: string }>('log_era', 'SELECT era FROM log_era');

export const lockState = pgStatement<LogStateRow>(
  'log_lock_state',
  'SELECT turns, untouched, channels, dropped FROM log_state FOR UPDATE',
);

/** turns, untouched, channels, dropped */
export const putState = pgStatement(
  'log_put_state',
  'UPDATE log_state SET turns = $1, untouched = $2, channels = $3, dropped = $4',
);

/** names. Locked in their order, the same in every node, so that none waits for another that waits for it. */
export const lockChannels = pgStatement<PgChannelRow>(
  'log_lock_channels',
  `SELECT ${CHANNEL} FROM channels WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE`,
);

/** names: the turns of those that were dropped */
export const droppedTurns = pgStatement<{ name: string; turn: number }>(
  'log_dropped_turns',
  'SELECT name, turn FROM dropped_channels WHERE name = ANY($1::text[])',
);

/** name, turn */
export const noteDropped = pgStatement(
  'log_note_dropped',
  'INSERT INTO dropped_channels VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET turn = excluded.turn',
);

/** names */
export const forgetDropped = pgStatement(
  'log_forget_dropped',
  'DELETE FROM dropped_channels WHERE name = ANY($1::text[])',
);

export const forgetAllDropped = pgStatement('log_forget_all_dropped', 'DELETE FROM dropped_channels');

/** how many */
export const newChannelIds = pgStatement<{ id: number }>(
  'log_new_channel_ids',
  `SELECT nextval(pg_get_serial_sequence('channels', 'id')) AS id FROM generate_series(1, $1::integer)`,
);

/** channels, ids (idempotency) */
export const takenIds = pgStatement<{ channel: number; id: Buffer; offset: number; print: Buffer }>(
  'log_taken_ids',
  `SELECT ids.channel, ids.id, ids."offset", ids.print
    FROM unnest($1::bigint[], $2::bytea[]) AS asked(channel, id)
    JOIN ids ON ids.channel = asked.channel AND ids.id = asked.id`,
);

/** channels, keys */
export const keyFacts = pgStatement<{
  channel: number;
  key: Buffer;
  version: number | null;
  at_ms: number;
  is_set: boolean;
}>(
  'log_key_facts',
  `SELECT entries.channel, entries.key, entries.version, entries.at_ms, entries.data IS NOT NULL AS is_set
    FROM unnest($1::bigint[], $2::bytea[]) AS asked(channel, key)
    JOIN entries ON entries.channel = asked.channel AND entries.key = asked.key`,
);

/** channels, floors, how many of each: the oldest that are kept */
export const oldest = pgStatement<{ channel: number; offset: number; at_ms: number; units: number }>(
  'log_oldest',
  `SELECT asked.channel, kept."offset", kept.at_ms, kept.units
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS asked(channel, floor, most)
    CROSS JOIN LATERAL (
      SELECT "offset", at_ms, units FROM publications
      WHERE channel = asked.channel AND "offset" > asked.floor ORDER BY "offset" LIMIT asked.most
    ) AS kept
    ORDER BY asked.channel, kept."offset"`,
);

/** channel, floor, offset: what leaves with everything up to the offset, and when the oldest behind it was taken */
export const leftBehind = pgStatement<{ units: number; oldest_at_ms: number | null }>(
  'log_left_behind',
  `SELECT (
      SELECT coalesce(sum(units), 0)::bigint FROM publications WHERE channel = $1 AND "offset" > $2 AND "offset" <= $3
    ) AS units,
    (SELECT at_ms FROM publications WHERE channel = $1 AND "offset" = $3::bigint + 1) AS oldest_at_ms`,
);

/** name. Waits for whoever changes the channel, and writes: a commit that wrote is kept with everything before it. */
export const settleChannel = pgStatement(
  'log_settle_channel',
  'UPDATE channels SET name = name WHERE name = $1',
);

/** channels, offsets, times, units, versions, by, keys, data, refs */
export const addPublications = pgStatement(
  'log_add_publications',
  `INSERT INTO publications SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::double precision[],
    $4::bigint[], $5::double precision[], $6::text[], $7::bytea[], $8::text[], $9::text[])`,
);

/** channels, floors before, floors now */
export const dropPublications = pgStatement(
  'log_drop_publications',
  `DELETE FROM publications USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS gone(channel, was, floor)
    WHERE publications.channel = gone.channel
      AND publications."offset" > gone.was AND publications."offset" <= gone.floor`,
);

/** the columns of channels, in their order */
export const putChannels = pgStatement(
  'log_put_channels',
  `INSERT INTO channels (${CHANNEL})
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::double precision[],
      $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::double precision[], $12::double precision[],
      $13::double precision[], $14::double precision[], $15::double precision[], $16::double precision[])
    ON CONFLICT (id) DO UPDATE SET
      top = excluded.top, floor = excluded.floor, oldest_at_ms = excluded.oldest_at_ms, units = excluded.units,
      keys = excluded.keys, tombstones = excluded.tombstones, ids = excluded.ids, keep_count = excluded.keep_count,
      keep_age_ms = excluded.keep_age_ms, keep_units = excluded.keep_units, keep_keys = excluded.keep_keys,
      keep_once_ms = excluded.keep_once_ms, due_ms = excluded.due_ms`,
);

/** channels, keys, offsets, times, units, versions, expiries, by, data, refs */
export const putEntries = pgStatement(
  'log_put_entries',
  `INSERT INTO entries SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::double precision[],
      $5::bigint[], $6::double precision[], $7::double precision[], $8::text[], $9::text[], $10::text[])
    ON CONFLICT (channel, key) DO UPDATE SET
      "offset" = excluded."offset", at_ms = excluded.at_ms, units = excluded.units, version = excluded.version,
      expires_at_ms = excluded.expires_at_ms, by_user = excluded.by_user, data = excluded.data,
      ref = excluded.ref`,
);

/** channels, keys */
export const dropEntries = pgStatement(
  'log_drop_entries',
  `DELETE FROM entries USING unnest($1::bigint[], $2::bytea[]) AS gone(channel, key)
    WHERE entries.channel = gone.channel AND entries.key = gone.key`,
);

/** channels, ids, offsets, times, prints */
export const addIds = pgStatement(
  'log_add_ids',
  `INSERT INTO ids
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::double precision[], $5::bytea[])`,
);

/**
 * channel, how many too many, floor: the oldest tombstones, but none whose deletion the history still holds. Only the oldest
 * ever goes.
 */
export const dropOldestTombstones = pgStatement<{ key: Buffer }>(
  'log_drop_oldest_tombstones',
  `DELETE FROM entries USING (
      SELECT key FROM entries
      WHERE channel = $1 AND data IS NULL AND "offset" <= $3 ORDER BY "offset" LIMIT $2::bigint
    ) AS gone
    WHERE entries.channel = $1 AND entries.key = gone.key RETURNING entries.key`,
);

/** channel, time up to which they have aged out: drops those before the first that has not. Gives that one's time. */
export const dropAgedTombstones = pgStatement<{ dropped: number; next_at_ms: number | null }>(
  'log_drop_aged_tombstones',
  `WITH young AS (
      SELECT "offset", at_ms FROM entries
      WHERE channel = $1 AND data IS NULL AND at_ms > $2::double precision ORDER BY "offset" LIMIT 1
    ), gone AS (
      DELETE FROM entries WHERE channel = $1 AND data IS NULL
        AND "offset" < coalesce((SELECT "offset" FROM young), 9223372036854775807) RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone) AS dropped, (SELECT at_ms FROM young) AS next_at_ms`,
);

/** channel, time before which they were held long enough: as above */
export const dropAgedIds = pgStatement<{ dropped: number; last: number | null; next_at_ms: number | null }>(
  'log_drop_aged_ids',
  `WITH young AS (
      SELECT "offset", at_ms FROM ids
      WHERE channel = $1 AND at_ms >= $2::double precision ORDER BY "offset" LIMIT 1
    ), gone AS (
      DELETE FROM ids WHERE channel = $1
        AND "offset" < coalesce((SELECT "offset" FROM young), 9223372036854775807) RETURNING "offset"
    )
    SELECT count(*) AS dropped, max("offset") AS last, (SELECT at_ms FROM young) AS next_at_ms FROM gone`,
);

/** time, how many, names that are left out. Whoever comes second takes others. */
export const lockDueChannels = pgStatement<PgChannelRow>(
  'log_lock_due_channels',
  `SELECT ${CHANNEL} FROM channels WHERE due_ms <= $1::double precision AND name <> ALL($3::text[])
    ORDER BY due_ms LIMIT $2::bigint FOR UPDATE SKIP LOCKED`,
);

/** names that are left out */
export const lockEmptyChannel = pgStatement<PgChannelRow>(
  'log_lock_empty_channel',
  `SELECT ${CHANNEL} FROM channels WHERE ${EMPTY} AND name <> ALL($1::text[]) LIMIT 1 FOR UPDATE SKIP LOCKED`,
);

/** id. Everything of a channel. */
export const dropChannel = pgStatement(
  'log_drop_channel',
  `WITH p AS (DELETE FROM publications WHERE channel = $1), e AS (DELETE FROM entries WHERE channel = $1),
      i AS (DELETE FROM ids WHERE channel = $1)
    DELETE FROM channels WHERE id = $1`,
);

/** time, how many: the names of channels with keys that ran out, whoever holds them */
export const lockDueKeyChannels = pgStatement<PgChannelRow>(
  'log_lock_due_key_channels',
  `SELECT ${CHANNEL} FROM channels WHERE id IN (
      SELECT channel FROM entries WHERE expires_at_ms <= $1::double precision ORDER BY expires_at_ms LIMIT $2::bigint
    ) ORDER BY name FOR UPDATE SKIP LOCKED`,
);

/** time, how many, channels */
export const dueKeys = pgStatement<{ channel: number; key: Buffer; version: number | null }>(
  'log_due_keys',
  `SELECT channel, key, version FROM entries
    WHERE expires_at_ms <= $1::double precision AND channel = ANY($3::bigint[])
    ORDER BY expires_at_ms LIMIT $2::bigint`,
);

/** What is to be known when a transaction is over. */
export type TailRow = { expiry_ms: number | null; is_due: boolean; lsn: string };

/** time */
export const tail = pgStatement<TailRow>(
  'log_tail',
  `SELECT (SELECT min(expires_at_ms) FROM entries WHERE expires_at_ms IS NOT NULL) AS expiry_ms,
    EXISTS (SELECT 1 FROM channels WHERE due_ms <= $1::double precision) AS is_due,
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text AS lsn`,
);
