import type { Database } from 'better-sqlite3';
import type {
  HistoryPage,
  HistoryQuery,
  LogCounts,
  MapEntry,
  MapPage,
  Position,
  Publication,
  ReadResult,
  Retention,
  Soon,
} from '../../ports/log.ts';
import { createSqliteBuilder, textsOf } from './compile.ts';
import { type Place, type Range, UNITS_A_TURN, createRangeReader, publicationOf } from './log-ranges.ts';
import { logReads } from './log-reads.ts';
import { type LogTables, toUnits } from './log-tables.ts';
import { prepareAll } from './statements.ts';

/** The log's reads, on the main thread. Under WAL they never wait for the thread that writes. */
export type LogReader = {
  top(channel: string): Position;
  read(channel: string, position: Position, retention: Retention, nowMs: number): Soon<ReadResult>;
  history(channel: string, query: HistoryQuery, retention: Retention, nowMs: number): Soon<HistoryPage>;
  entries(channel: string, after: string | null, limit: number): MapPage;
  entry(channel: string, key: string): MapEntry | undefined;
  /** ms since the epoch. */
  nextExpiryMs(): number | null;
  counts(): LogCounts;
};

export function createLogReader(database: Database, era: string): LogReader {
  const ask = prepareAll(database, textsOf(logReads(createSqliteBuilder<LogTables>())));
  const ranges = createRangeReader(database, ask, era);

  /** Several statements that must see the same moment: the other thread commits meanwhile. */
  const atOneMoment = <A extends unknown[], R>(run: (...args: A) => R): ((...args: A) => R) =>
    database.transaction(run);

  /** Without what has run out, but was not trimmed yet. */
  function youngPlaceOf(channel: string, ageMs: number, nowMs: number): Place {
    const place = ranges.placeOf(channel);
    if (place.id === null) return place;
    const younger = ask.firstYounger.get(place.id, place.floor, nowMs - ageMs)?.offset;
    return { ...place, floor: younger === undefined ? place.top.offset : younger - 1 };
  }

  const beginRead = atOneMoment(
    (channel: string, from: Position, ageMs: number, nowMs: number, found: Publication[]) => {
      const place = youngPlaceOf(channel, ageMs, nowMs);
      const why = whyNot(from, place);
      const range = {
        from: from.offset,
        to: place.top.offset,
        reverse: false,
        sinceMs: -Infinity,
        limit: Infinity,
      };
      const more = why === null && place.id !== null && ranges.begin(place.id, range, found);
      return { place, why, range, more };
    },
  );

  const beginPage = atOneMoment(
    (channel: string, query: HistoryQuery, ageMs: number, nowMs: number, found: Publication[]) => {
      const place = youngPlaceOf(channel, ageMs, nowMs);
      const range = rangeOf(query, place);
      const more = place.id !== null && ranges.begin(place.id, range, found);
      return { place, range, more };
    },
  );

  const reader: LogReader = {
    top: (channel) => ranges.placeOf(channel).top,
    read(channel, position, retention, nowMs) {
      const publications: Publication[] = [];
      const { place, why, range, more } = beginRead(channel, position, retention.ageMs, nowMs, publications);
      const { top } = place;
      if (why !== null) return { ok: false, why, top };
      if (!more) return { ok: true, top, publications };
      return ranges.finish(channel, place, range, publications).then((left) =>
        // Overtaken: the answer is then that of this moment.
        left === null ? reader.read(channel, position, retention, nowMs) : { ok: true, top, publications },
      );
    },
    history(channel, query, retention, nowMs) {
      const publications: Publication[] = [];
      const { place, range, more } = beginPage(channel, query, retention.ageMs, nowMs, publications);
      const { top, floor } = place;
      if (!more || publications.length >= query.limit) return { top, publications, more, floor };
      return ranges
        .finish(channel, place, range, publications)
        .then((left) =>
          left === null
            ? reader.history(channel, query, retention, nowMs)
            : { top, publications, more: left, floor },
        );
    },
    entries: atOneMoment((channel, after, limit) => {
      const { id, top } = ranges.placeOf(channel);
      const entries: MapEntry[] = [];
      if (id === null) return { top, entries, next: null };
      let units = 0;
      for (const row of after === null
        ? ask.entriesFromFirst.iterate(id)
        : ask.entriesBehind.iterate(id, toUnits(after))) {
        const last = entries.at(-1);
        // A page of large entries is shorter, so that it is read within a turn.
        if (last !== undefined && (entries.length >= limit || units >= UNITS_A_TURN))
          return { top, entries, next: last.key };
        entries.push(publicationOf(row) as MapEntry);
        units += row.data?.length ?? 0;
      }
      return { top, entries, next: null };
    }),
    entry: atOneMoment((channel, key) => {
      const id = ask.channel.get(channel)?.id;
      const row = id === undefined ? undefined : ask.entry.get(id, toUnits(key));
      return row === undefined ? undefined : (publicationOf(row) as MapEntry);
    }),
    nextExpiryMs: () => ask.nextExpiry.get()?.at_ms ?? null,
    counts: () => ask.counts.get() ?? { channels: 0, publications: 0, keys: 0 },
  };
  return reader;
}

export function whyNot(
  { epoch, offset }: Position,
  { top, floor }: Pick<Place, 'top' | 'floor'>,
): 'epoch' | 'ahead' | 'trimmed' | null {
  if (epoch !== top.epoch) return 'epoch';
  if (offset > top.offset) return 'ahead';
  return offset < floor ? 'trimmed' : null;
}

function rangeOf({ offset, reverse, sinceMs, limit }: HistoryQuery, { top, floor }: Place): Range {
  return {
    from: reverse || offset === null ? floor : Math.max(offset, floor),
    to: reverse && offset !== null ? Math.min(offset - 1, top.offset) : top.offset,
    reverse,
    sinceMs: sinceMs ?? -Infinity,
    limit,
  };
}
