import type { Log, MapEntry, Publication, Position } from '../../../ports/log.ts';
import { UNITS_A_TURN, publicationOf } from '../log-ranges.ts';
import { whyNot } from '../log-reader.ts';
import { epochOf, toUnits } from '../log-tables.ts';
import {
  type FoundRow,
  type PlaceRow,
  entriesBehind,
  entriesFromFirst,
  entryOf,
  pageBackwards,
  pageForwards,
  placeOf,
  readBehind,
} from './log-read-sql.ts';
import type { PgRunner } from './connection.ts';

export type PostgresLogReader = {
  readonly [Name in 'top' | 'read' | 'history' | 'entries' | 'entry']: (
    ...args: Parameters<Log[Name]>
  ) => Promise<Awaited<ReturnType<Log[Name]>>>;
};

/** The log's reads. Each is one statement, and so of one moment: nothing that comes or goes meanwhile is half in it. */
export function createPostgresLogReader(postgres: PgRunner): PostgresLogReader {
  return {
    async top(channel) {
      return positionOf((await postgres.run(placeOf, channel))[0]);
    },
    async read(channel, position, retention, nowMs) {
      const rows = await postgres.run(
        readBehind,
        channel,
        nowMs - retention.ageMs,
        position.offset,
        position.epoch,
      );
      const top = positionOf(rows[0]);
      const why = whyNot(position, { top, floor: rows[0]?.floor ?? 0 });
      return why === null ? { ok: true, top, publications: publicationsOf(rows) } : { ok: false, why, top };
    },
    async history(channel, { offset, reverse, limit, sinceMs }, retention, nowMs) {
      const rows = await postgres.run(
        reverse ? pageBackwards : pageForwards,
        channel,
        nowMs - retention.ageMs,
        offset,
        limit + 1,
        sinceMs ?? -Infinity,
      );
      const found = publicationsOf(rows);
      return {
        top: positionOf(rows[0]),
        publications: found.slice(0, limit),
        more: found.length > limit,
        floor: rows[0]?.floor ?? 0,
      };
    },
    async entries(channel, after, limit) {
      // A page of large entries is shorter, so that it is sent as one message.
      const rows =
        after === null
          ? await postgres.run(entriesFromFirst, channel, limit + 1, UNITS_A_TURN)
          : await postgres.run(entriesBehind, channel, limit + 1, UNITS_A_TURN, toUnits(after));
      const fitting = rows.findIndex((row) => row.offset !== null && row.is_over === true);
      const page = rows.slice(0, fitting === -1 ? limit : Math.min(fitting, limit));
      const entries = publicationsOf(page) as MapEntry[];
      const isLast = rows.length <= page.length;
      return { top: positionOf(rows[0]), entries, next: isLast ? null : (entries.at(-1)?.key ?? null) };
    },
    async entry(channel, key) {
      const [row] = await postgres.run(entryOf, channel, toUnits(key));
      return row === undefined ? undefined : (publicationOf(row) as MapEntry);
    },
  };
}

function positionOf(row: PlaceRow | undefined): Position {
  if (row === undefined) throw new Error('the log has lost its state');
  return { epoch: epochOf(row.era, row.turn), offset: row.top };
}

function publicationsOf(rows: readonly FoundRow[]): Publication[] {
  const publications: Publication[] = [];
  for (const row of rows) if (row.offset !== null) publications.push(publicationOf(row));
  return publications;
}
