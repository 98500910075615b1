import type { KeyFacts } from '../../core/channel/log-rules.ts';
import type { HeldRow, LogRows } from './log-rows.ts';
import type { LogWrites } from './log-writes.ts';
import type { Statements } from './statements.ts';

/** What is to be written of a key. */
export type KeyChange = {
  readonly key: Buffer;
  readonly offset: number;
  readonly atMs: number;
  readonly version: number | null;
  readonly by: string | null;
  /** null: the key is deleted. */
  readonly data: string | null;
  readonly ref: string | null;
  readonly expiresAtMs: number | null;
};

/** The keys of maps, on the thread that writes them. */
export type LogKeys = {
  factsOf(row: HeldRow, key: Buffer, ageMs: number, nowMs: number): KeyFacts | undefined;
  apply(row: HeldRow, change: KeyChange): void;
};

export function createLogKeys(write: Statements<LogWrites>, rows: LogRows): LogKeys {
  /** As many as keys are allowed, and all whose deletion the history still holds. */
  function dropOldestTombstones(row: HeldRow): void {
    while (row.tombstones > row.keep_keys) {
      const oldest = write.oldestTombstone.get(row.id);
      if (oldest === undefined || oldest.offset > row.floor) return;
      write.dropEntry.run(row.id, oldest.key);
      row.tombstones--;
    }
  }

  return {
    factsOf(row, key, ageMs, nowMs) {
      const known = write.key.get(row.id, key);
      if (known === undefined) return undefined;
      const set = Boolean(known.is_set);
      return set || known.at_ms + ageMs > nowMs ? { set, version: known.version } : undefined;
    },
    apply(row, { key, offset, atMs, version, by, data, ref, expiresAtMs }) {
      const before = write.key.get(row.id, key);
      if (before !== undefined) {
        if (before.is_set) {
          row.keys--;
          rows.state.keys--;
        } else row.tombstones--;
      }
      rows.touch(row);
      // A deletion without a version leaves nothing, and takes what an earlier one left.
      if (data === null && version === null) {
        write.dropEntry.run(row.id, key);
        return;
      }
      write.putEntry.run(row.id, key, offset, atMs, version, expiresAtMs, by, data, ref);
      if (data !== null) {
        row.keys++;
        rows.state.keys++;
      } else {
        row.tombstones++;
        dropOldestTombstones(row);
      }
    },
  };
}
