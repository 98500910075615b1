import { REMEMBERED_CHANNELS } from '../../core/channel/channel-epochs.ts';
import { type ChannelRow, type LogState, epochOf } from './log-tables.ts';
import type { LogWrites } from './log-writes.ts';
import type { Statements } from './statements.ts';

/** A channel's row as the transaction under way has made it. */
export type HeldRow = ChannelRow & {
  readonly epoch: string;
  /** When the oldest publication that is kept was taken, ms since the epoch; null: not known here. */
  oldestAtMs: number | null;
  /** Whether the file has another row. */
  changed: boolean;
};

/**
 * The rows that most appends change, held between transactions: nobody else writes to the file. What was changed is
 * written once a transaction, however many publications it has; after a rollback all of it is read again.
 */
export type LogRows = {
  readonly state: LogState;
  find(channel: string): HeldRow | undefined;
  /** The epoch of a channel that is not there. */
  absentEpoch(channel: string): string;
  add(channel: string): HeldRow;
  /** Notes that the row was changed. */
  touch(row: HeldRow): void;
  /** Drops a channel with everything in it. The next of its name begins a new epoch. */
  drop(row: HeldRow): void;
  /** Writes the rows that were changed, so that they are found by what they hold. */
  write(): void;
  /** Writes what was changed, and counts the transaction. The last thing in each. */
  flush(): void;
  reset(): void;
};

/** Rows held from one transaction to the next, some 300 bytes each; with more, all are read again. */
const HELD_ROWS = 20_000;

export function createLogRows(write: Statements<LogWrites>, era: string): LogRows {
  let state = readState();
  const held = new Map<string, HeldRow>();
  let changed: HeldRow[] = [];

  function readState(): LogState {
    const row = write.state.get();
    if (row === undefined) throw new Error('the log has lost its state');
    const { commits, turns, untouched, channels, publications, keys, dropped, lanes } = row;
    return { commits, turns, untouched, channels, publications, keys, dropped, lanes };
  }

  function hold(row: ChannelRow): HeldRow {
    const one = { ...row, epoch: epochOf(era, row.turn), oldestAtMs: null, changed: false };
    held.set(row.name, one);
    return one;
  }

  function absentTurn(channel: string): number {
    return write.droppedTurn.get(channel)?.turn ?? state.untouched;
  }

  function writeRows(): void {
    for (const row of changed) {
      // Dropped since.
      if (!row.changed) continue;
      write.putChannel.run(
        row.top,
        row.floor,
        row.units,
        row.keys,
        row.tombstones,
        row.ids,
        row.keep_count,
        row.keep_age_ms,
        row.keep_units,
        row.keep_keys,
        row.keep_once_ms,
        row.due_ms,
        row.id,
      );
      row.changed = false;
    }
    changed = [];
  }

  return {
    get state() {
      return state;
    },
    find(channel) {
      const known = held.get(channel);
      if (known !== undefined) return known;
      const row = write.channel.get(channel);
      return row === undefined ? undefined : hold(row);
    },
    absentEpoch: (channel) => epochOf(era, absentTurn(channel)),
    add(channel) {
      const turn = absentTurn(channel);
      if (write.forgetDropped.run(channel).changes > 0) state.dropped--;
      write.addChannel.run(channel, turn);
      state.channels++;
      const row = write.channel.get(channel);
      if (row === undefined) throw new Error('a channel was added and is not there');
      return hold(row);
    },
    drop(row) {
      write.dropPublications.run(row.id, row.top);
      write.dropEntries.run(row.id);
      write.dropIds.run(row.id, row.top);
      write.dropChannel.run(row.id);
      held.delete(row.name);
      row.changed = false;
      state.channels--;
      state.publications -= row.top - row.floor;
      state.keys -= row.keys;
      state.turns++;
      if (state.dropped < REMEMBERED_CHANNELS) {
        write.noteDropped.run(row.name, state.turns);
        state.dropped++;
      } else {
        write.forgetAllDropped.run();
        state.untouched = state.turns;
        state.dropped = 0;
      }
    },
    touch(row) {
      if (row.changed) return;
      row.changed = true;
      changed.push(row);
    },
    write: writeRows,
    flush() {
      writeRows();
      if (held.size > HELD_ROWS) held.clear();
      state.commits++;
      write.putState.run(
        state.commits,
        state.turns,
        state.untouched,
        state.channels,
        state.publications,
        state.keys,
        state.dropped,
        state.lanes,
      );
    },
    reset() {
      held.clear();
      changed = [];
      state = readState();
    },
  };
}
