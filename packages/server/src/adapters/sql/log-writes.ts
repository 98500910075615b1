import { type Kysely, sql } from 'kysely';
import { argument } from './compile.ts';
import type { LogTables } from './log-tables.ts';

/** How the log is written, on its thread's connection. The comment names the arguments of each. */
export function logWrites(db: Kysely<LogTables>) {
  return {
    ...stateWrites(db),
    ...channelWrites(db),
    ...publicationWrites(db),
    ...entryWrites(db),
    ...idWrites(db),
    ...laneWrites(db),
  };
}

export type LogWrites = ReturnType<typeof logWrites>;

function stateWrites(db: Kysely<LogTables>) {
  return {
    state: db.selectFrom('log_state').selectAll().compile(),
    /** era, commits */
    beginEra: db
      .updateTable('log_state')
      .set({ era: argument<string>(0), commits: argument<number>(1) })
      .compile(),
    /** commits, turns, untouched, channels, publications, keys, dropped, lanes */
    putState: db
      .updateTable('log_state')
      .set({
        commits: argument<number>(0),
        turns: argument<number>(1),
        untouched: argument<number>(2),
        channels: argument<number>(3),
        publications: argument<number>(4),
        keys: argument<number>(5),
        dropped: argument<number>(6),
        lanes: argument<number>(7),
      })
      .compile(),
    /** name */
    droppedTurn: db
      .selectFrom('dropped_channels')
      .select('turn')
      .where('name', '=', argument<string>(0))
      .compile(),
    /** name, turn */
    noteDropped: db
      .insertInto('dropped_channels')
      .values({ name: argument<string>(0), turn: argument<number>(1) })
      .compile(),
    /** name */
    forgetDropped: db.deleteFrom('dropped_channels').where('name', '=', argument<string>(0)).compile(),
    forgetAllDropped: db.deleteFrom('dropped_channels').compile(),
  };
}

function channelWrites(db: Kysely<LogTables>) {
  return {
    /** name */
    channel: db.selectFrom('channels').selectAll().where('name', '=', argument<string>(0)).compile(),
    /** name, turn */
    addChannel: db
      .insertInto('channels')
      .values({
        name: argument<string>(0),
        turn: argument<number>(1),
        top: sql.lit(0),
        floor: sql.lit(0),
        units: sql.lit(0),
        keys: sql.lit(0),
        tombstones: sql.lit(0),
        ids: sql.lit(0),
        keep_count: sql.lit(0),
        keep_age_ms: sql.lit(0),
        keep_units: sql.lit(0),
        keep_keys: sql.lit(0),
        keep_once_ms: sql.lit(0),
        due_ms: sql.lit(null),
      })
      .compile(),
    /** top, floor, units, keys, tombstones, ids, the retention's count, age, units, keys and time of ids, due, id */
    putChannel: db
      .updateTable('channels')
      .set({
        top: argument<number>(0),
        floor: argument<number>(1),
        units: argument<number>(2),
        keys: argument<number>(3),
        tombstones: argument<number>(4),
        ids: argument<number>(5),
        keep_count: argument<number>(6),
        keep_age_ms: argument<number>(7),
        keep_units: argument<number>(8),
        keep_keys: argument<number>(9),
        keep_once_ms: argument<number>(10),
        due_ms: argument<number | null>(11),
      })
      .where('id', '=', argument<number>(12))
      .compile(),
    /** id */
    dropChannel: db.deleteFrom('channels').where('id', '=', argument<number>(0)).compile(),
    /** time, how many */
    dueChannels: db
      .selectFrom('channels')
      .select('name')
      .where('due_ms', '<=', argument<number>(0))
      .orderBy('due_ms')
      .limit(argument<number>(1))
      .compile(),
    /** As the index says it, word for word, or it is not used. */
    emptyChannel: db
      .selectFrom('channels')
      .select('name')
      .where(sql<boolean>`due_ms IS NULL AND floor = top AND keys = 0 AND tombstones = 0 AND ids = 0`)
      .limit(sql.lit(1))
      .compile(),
  };
}

function publicationWrites(db: Kysely<LogTables>) {
  return {
    /** channel, offset, time, units, version, by, key, data, ref */
    addPublication: db
      .insertInto('publications')
      .values({
        channel: argument<number>(0),
        offset: argument<number>(1),
        at_ms: argument<number>(2),
        units: argument<number>(3),
        version: argument<number | null>(4),
        by_user: argument<string | null>(5),
        key: argument<Buffer | null>(6),
        data: argument<string | null>(7),
        ref: argument<string | null>(8),
      })
      .compile(),
    /** channel, offset */
    oldest: db
      .selectFrom('publications')
      .select(['offset', 'at_ms', 'units'])
      .where('channel', '=', argument<number>(0))
      .where('offset', '>', argument<number>(1))
      .orderBy('offset')
      .compile(),
    /** channel, offset */
    unitsUpTo: db
      .selectFrom('publications')
      .select(({ fn }) => fn.coalesce(fn.sum<number>('units'), sql.lit(0)).as('units'))
      .where('channel', '=', argument<number>(0))
      .where('offset', '<=', argument<number>(1))
      .compile(),
    /** channel, offset */
    dropPublications: db
      .deleteFrom('publications')
      .where('channel', '=', argument<number>(0))
      .where('offset', '<=', argument<number>(1))
      .compile(),
  };
}

function entryWrites(db: Kysely<LogTables>) {
  return {
    /** channel, key */
    key: db
      .selectFrom('entries')
      .select(({ eb }) => ['version', 'at_ms', eb('data', 'is not', null).as('is_set')])
      .where('channel', '=', argument<number>(0))
      .where('key', '=', argument<Buffer>(1))
      .compile(),
    /** channel, key, offset, time, version, expiry, by, data, ref */
    putEntry: db
      .replaceInto('entries')
      .values({
        channel: argument<number>(0),
        key: argument<Buffer>(1),
        offset: argument<number>(2),
        at_ms: argument<number>(3),
        version: argument<number | null>(4),
        expires_at_ms: argument<number | null>(5),
        by_user: argument<string | null>(6),
        data: argument<string | null>(7),
        ref: argument<string | null>(8),
      })
      .compile(),
    /** channel, key */
    dropEntry: db
      .deleteFrom('entries')
      .where('channel', '=', argument<number>(0))
      .where('key', '=', argument<Buffer>(1))
      .compile(),
    /** channel */
    dropEntries: db.deleteFrom('entries').where('channel', '=', argument<number>(0)).compile(),
    /** channel */
    oldestTombstone: db
      .selectFrom('entries')
      .select(['key', 'offset', 'at_ms'])
      .where('channel', '=', argument<number>(0))
      .where('data', 'is', null)
      .orderBy('offset')
      .limit(sql.lit(1))
      .compile(),
    /** time, how many */
    dueKeys: db
      .selectFrom('entries')
      .innerJoin('channels', 'channels.id', 'entries.channel')
      .select(['channels.name', 'entries.key', 'entries.version'])
      .where('entries.expires_at_ms', '<=', argument<number>(0))
      .orderBy('entries.expires_at_ms')
      .limit(argument<number>(1))
      .compile(),
  };
}

function idWrites(db: Kysely<LogTables>) {
  return {
    /** channel, id */
    id: db
      .selectFrom('ids')
      .select(['offset', 'print'])
      .where('channel', '=', argument<number>(0))
      .where('id', '=', argument<Buffer>(1))
      .compile(),
    /** channel, id, offset, time, print */
    addId: db
      .insertInto('ids')
      .values({
        channel: argument<number>(0),
        id: argument<Buffer>(1),
        offset: argument<number>(2),
        at_ms: argument<number>(3),
        print: argument<Buffer>(4),
      })
      .compile(),
    /** channel */
    oldestIds: db
      .selectFrom('ids')
      .select(['offset', 'at_ms'])
      .where('channel', '=', argument<number>(0))
      .orderBy('offset')
      .compile(),
    /** channel, offset */
    dropIds: db
      .deleteFrom('ids')
      .where('channel', '=', argument<number>(0))
      .where('offset', '<=', argument<number>(1))
      .compile(),
  };
}

function laneWrites(db: Kysely<LogTables>) {
  return {
    /** channel, scope, queue */
    lane: db
      .selectFrom('lanes')
      .select(['number', 'epoch', 'offset', 'at_ms'])
      .where('channel', '=', argument<string>(0))
      .where('scope', '=', argument<Buffer>(1))
      .where('queue', '=', argument<Buffer>(2))
      .compile(),
    /** channel, scope, taken no earlier than */
    lanesOfUser: db
      .selectFrom('lanes')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('channel', '=', argument<string>(0))
      .where('scope', '=', argument<Buffer>(1))
      .where('at_ms', '>=', argument<number>(2))
      .compile(),
    /** channel, scope, queue, number, epoch, offset, time */
    putLane: db
      .replaceInto('lanes')
      .values({
        channel: argument<string>(0),
        scope: argument<Buffer>(1),
        queue: argument<Buffer>(2),
        number: argument<number>(3),
        epoch: argument<string>(4),
        offset: argument<number>(5),
        at_ms: argument<number>(6),
      })
      .compile(),
    /** how many */
    oldestLanes: db
      .selectFrom('lanes')
      .select(['channel', 'scope', 'queue', 'at_ms'])
      .orderBy('at_ms')
      .limit(argument<number>(0))
      .compile(),
    /** channel, scope, queue */
    dropLane: db
      .deleteFrom('lanes')
      .where('channel', '=', argument<string>(0))
      .where('scope', '=', argument<Buffer>(1))
      .where('queue', '=', argument<Buffer>(2))
      .compile(),
    /** channel */
    dropLanes: db.deleteFrom('lanes').where('channel', '=', argument<string>(0)).compile(),
  };
}
