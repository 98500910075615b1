import { type Kysely, sql } from 'kysely';
import { argument } from './compile.ts';
import type { LogTables } from './log-tables.ts';

/** What the log is asked, on the connection that only reads. The comment names the arguments of each. */
export function logReads(db: Kysely<LogTables>) {
  const publications = db
    .selectFrom('publications')
    .select(['offset', 'at_ms', 'version', 'by_user', 'key', 'data', 'ref'])
    .where('channel', '=', argument<number>(0));
  const entries = db
    .selectFrom('entries')
    .select(['offset', 'at_ms', 'version', 'by_user', 'key', 'data', 'ref'])
    .where('channel', '=', argument<number>(0))
    .where('data', 'is not', null);

  return {
    /** name */
    channel: db
      .selectFrom('channels')
      .select(['id', 'turn', 'top', 'floor'])
      .where('name', '=', argument<string>(0))
      .compile(),
    /** name: the turn of a channel that is not there */
    absentTurn: db
      .selectFrom('log_state')
      .leftJoin('dropped_channels', (join) => join.on('name', '=', argument<string>(0)))
      .select(({ fn }) => fn.coalesce('dropped_channels.turn', 'log_state.untouched').as('turn'))
      .compile(),
    /** channel, offset, time: the first publication that is younger */
    firstYounger: db
      .selectFrom('publications')
      .select('offset')
      .where('channel', '=', argument<number>(0))
      .where('offset', '>', argument<number>(1))
      .where('at_ms', '>', argument<number>(2))
      .orderBy('offset')
      .limit(sql.lit(1))
      .compile(),
    /** channel, offset, offset, time */
    forwards: publications
      .where('offset', '>', argument<number>(1))
      .where('offset', '<=', argument<number>(2))
      .where('at_ms', '>=', argument<number>(3))
      .orderBy('offset')
      .compile(),
    /** channel, offset, offset, time */
    backwards: publications
      .where('offset', '>', argument<number>(1))
      .where('offset', '<=', argument<number>(2))
      .where('at_ms', '>=', argument<number>(3))
      .orderBy('offset', 'desc')
      .compile(),
    /** channel, key */
    entriesBehind: entries.where('key', '>', argument<Buffer>(1)).orderBy('key').compile(),
    /** channel */
    entriesFromFirst: entries.orderBy('key').compile(),
    /** channel, key */
    entry: entries.where('key', '=', argument<Buffer>(1)).compile(),
    nextExpiry: db
      .selectFrom('entries')
      .select(({ fn }) => fn.min('expires_at_ms').as('at_ms'))
      .where('expires_at_ms', 'is not', null)
      .compile(),
    counts: db.selectFrom('log_state').select(['channels', 'publications', 'keys']).compile(),
  };
}

export type LogReads = ReturnType<typeof logReads>;
