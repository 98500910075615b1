import { isOverdue } from '../../core/channel/log-rules.ts';
import type { Retention } from '../../ports/log.ts';
import type { HeldRow, LogRows } from './log-rows.ts';
import type { LogWrites } from './log-writes.ts';
import type { Statements } from './statements.ts';

/** Channels whose age is looked after with each transaction. Each has come due once since it was last looked at. */
const AGED_A_TRANSACTION = 4;

/** Channels looked after at once before the log says that it is full. */
const LOOKED_THROUGH = 64;

/** What leaves the log without being asked to. */
export type LogAging = {
  /** Drops what the retention of the channel no longer allows. */
  trim(row: HeldRow, nowMs: number): void;
  /** Drops everything up to an offset. */
  trimTo(row: HeldRow, offset: number): void;
  /** Drops ids that were held long enough. */
  trimIds(row: HeldRow, onceMs: number, nowMs: number): void;
  /** Notes that something of the channel will age. */
  becomesDue(row: HeldRow, dueMs: number): void;
  /** Looks after some channels that fell silent. */
  lookAfter(nowMs: number): void;
  /** Whether there may be one more channel; an empty one gives way to it. */
  makeRoom(nowMs: number): boolean;
};

export function createLogAging(
  write: Statements<LogWrites>,
  rows: LogRows,
  limits: { readonly channels: number },
): LogAging {
  function trim(row: HeldRow, nowMs: number): void {
    const keep = retentionOf(row);
    const kept = row.top - row.floor;
    if (kept === 0) return;
    // The common case: nothing is read.
    if (row.oldestAtMs !== null && !isOverdue(kept, row.units, row.oldestAtMs, keep, nowMs)) return;
    let { floor, units } = row;
    row.oldestAtMs = null;
    for (const oldest of write.oldest.iterate(row.id, row.floor)) {
      if (!isOverdue(row.top - floor, units, oldest.at_ms, keep, nowMs)) {
        row.oldestAtMs = oldest.at_ms;
        break;
      }
      floor = oldest.offset;
      units -= oldest.units;
    }
    if (floor !== row.floor) drop(row, floor, units);
  }

  /** @param units of what stays */
  function drop(row: HeldRow, floor: number, units: number): void {
    write.dropPublications.run(row.id, floor);
    rows.state.publications -= floor - row.floor;
    row.floor = floor;
    row.units = units;
    rows.touch(row);
  }

  function trimTo(row: HeldRow, offset: number): void {
    const floor = Math.min(offset, row.top);
    if (floor <= row.floor) return;
    row.oldestAtMs = null;
    drop(row, floor, row.units - (write.unitsUpTo.get(row.id, floor)?.units ?? 0));
  }

  function trimIds(row: HeldRow, onceMs: number, nowMs: number): number | null {
    let last = 0;
    let count = 0;
    let nextMs: number | null = null;
    for (const { offset, at_ms } of write.oldestIds.iterate(row.id)) {
      if (nowMs - at_ms <= onceMs) {
        nextMs = at_ms + onceMs + 1;
        break;
      }
      last = offset;
      count++;
    }
    if (count > 0) {
      write.dropIds.run(row.id, last);
      row.ids -= count;
      rows.touch(row);
    }
    return nextMs;
  }

  /** @returns when the next one goes, ms since the epoch */
  function trimTombstones(row: HeldRow, nowMs: number): number | null {
    while (row.tombstones > 0) {
      const oldest = write.oldestTombstone.get(row.id);
      if (oldest === undefined) break;
      const goesMs = oldest.at_ms + row.keep_age_ms;
      if (goesMs > nowMs) return goesMs;
      write.dropEntry.run(row.id, oldest.key);
      row.tombstones--;
      rows.touch(row);
    }
    return null;
  }

  function age(row: HeldRow, nowMs: number): void {
    trim(row, nowMs);
    const times = [
      row.oldestAtMs === null ? null : row.oldestAtMs + row.keep_age_ms,
      trimTombstones(row, nowMs),
      row.ids === 0 ? null : trimIds(row, row.keep_once_ms, nowMs),
    ].filter((time) => time !== null);
    const nextMs = Math.min(...times);
    // Infinite too where nothing has an end.
    row.due_ms = Number.isFinite(nextMs) ? nextMs : null;
    rows.touch(row);
  }

  function lookAfter(nowMs: number, most: number): void {
    for (const { name } of write.dueChannels.all(nowMs, most)) {
      const row = rows.find(name);
      // It may have been looked after in this transaction, and the row not be written yet.
      if (row !== undefined && row.due_ms !== null && row.due_ms <= nowMs) age(row, nowMs);
    }
  }

  return {
    trim,
    trimTo,
    trimIds,
    becomesDue(row, dueMs) {
      if (row.due_ms !== null || !Number.isFinite(dueMs)) return;
      row.due_ms = dueMs;
      rows.touch(row);
    },
    lookAfter: (nowMs) => lookAfter(nowMs, AGED_A_TRANSACTION),
    makeRoom(nowMs) {
      if (rows.state.channels < limits.channels) return true;
      lookAfter(nowMs, LOOKED_THROUGH);
      rows.write();
      const empty = write.emptyChannel.get();
      const row = empty === undefined ? undefined : rows.find(empty.name);
      if (row === undefined) return false;
      rows.drop(row);
      return true;
    },
  };
}

export function retentionOf(row: HeldRow): Retention {
  return {
    count: row.keep_count,
    ageMs: row.keep_age_ms,
    units: row.keep_units,
    keys: row.keep_keys,
    onceMs: row.keep_once_ms,
  };
}
