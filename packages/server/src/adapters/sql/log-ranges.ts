import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { Position, Publication } from '../../ports/log.ts';
import type { LogReads } from './log-reads.ts';
import { type PublicationRow, epochOf, fromUnits } from './log-tables.ts';
import type { Statements } from './statements.ts';

/** Publications read without a pause, and UTF-16 units of their payloads: about a millisecond of the event loop each. */
const READ_A_TURN = 500;
export const UNITS_A_TURN = 512 * 1024;

/** A channel at one moment. */
export type Place = {
  /** null: it is not there. */
  readonly id: number | null;
  readonly top: Position;
  /** The offset before the oldest publication that is kept. */
  readonly floor: number;
};

/** Publications with offsets above `from`, up to `to`, taken at or after a time. */
export type Range = {
  readonly from: number;
  readonly to: number;
  /** From the newest. */
  readonly reverse: boolean;
  readonly sinceMs: number;
  readonly limit: number;
};

/** Reads ranges of publications, however long, without holding up the event loop. */
export type RangeReader = {
  placeOf(channel: string): Place;
  /** Adds what fits into one turn to `found`. Returns whether the range has more. Within one transaction with `placeOf`. */
  begin(id: number, range: Range, found: Publication[]): boolean;
  /**
   * Adds the rest of a range, a turn at a time.
   *
   * @returns whether there is more than the limit; null: something of the rest was trimmed meanwhile, or the channel dropped
   */
  finish(channel: string, place: Place, range: Range, found: Publication[]): Promise<boolean | null>;
};

export function createRangeReader(database: Database, ask: Statements<LogReads>, era: string): RangeReader {
  function placeOf(channel: string): Place {
    const row = ask.channel.get(channel);
    if (row !== undefined)
      return { id: row.id, top: { epoch: epochOf(era, row.turn), offset: row.top }, floor: row.floor };
    const turn = ask.absentTurn.get(channel)?.turn ?? 0;
    return { id: null, top: { epoch: epochOf(era, turn), offset: 0 }, floor: 0 };
  }

  function begin(id: number, range: Range, found: Publication[]): boolean {
    const { from, to, reverse, sinceMs, limit } = range;
    const rows = (reverse ? ask.backwards : ask.forwards).iterate(id, from, to, sinceMs);
    let units = 0;
    let count = 0;
    for (const row of rows) {
      if (found.length >= limit || count >= READ_A_TURN || units >= UNITS_A_TURN) return true;
      found.push(publicationOf(row));
      count++;
      units += row.data?.length ?? 0;
    }
    return false;
  }

  /** One turn's worth, or null where what comes next is there no more. */
  const goOn = database.transaction(
    (channel: string, epoch: string, rest: Range, found: Publication[]): boolean | null => {
      const { id, top, floor } = placeOf(channel);
      if (id === null || top.epoch !== epoch || (!rest.reverse && floor > rest.from)) return null;
      return begin(id, rest, found);
    },
  );

  return {
    placeOf,
    begin,
    async finish(channel, { top }, range, found) {
      for (;;) {
        await nextTurn();
        const last = found.at(-1)?.offset;
        const rest = last === undefined ? range : restOf(range, last);
        const more = goOn(channel, top.epoch, rest, found);
        if (more !== true || found.length >= range.limit) return more;
      }
    },
  };
}

function restOf(range: Range, last: number): Range {
  return range.reverse ? { ...range, to: last - 1 } : { ...range, from: last };
}

export function publicationOf({
  offset,
  at_ms,
  by_user,
  data,
  key,
  version,
  ref,
}: PublicationRow): Publication {
  return { offset, atMs: at_ms, by: by_user, data, key: key === null ? null : fromUnits(key), version, ref };
}
