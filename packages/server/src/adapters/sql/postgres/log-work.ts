import { REMEMBERED_CHANNELS } from '../../../core/channel/channel-epochs.ts';
import { type KeyFacts, type TakenId, isOverdue } from '../../../core/channel/log-rules.ts';
import type { Publication, Retention } from '../../../ports/log.ts';
import { epochOf, toUnits } from '../log-tables.ts';
import {
  type LogStateRow,
  type PgChannelRow,
  dropChannel,
  forgetAllDropped,
  leftBehind,
  noteDropped,
  oldest,
} from './log-sql.ts';
import type { WorkLanes } from './log-lanes.ts';
import type { PgTransaction } from './connection.ts';

/** What is known of a key: as it was read, or as this transaction has made it. null: nothing is kept of it. */
export type KnownKey = {
  readonly isSet: boolean;
  readonly version: number | null;
  readonly atMs: number;
} | null;

/** What is to be written of a key; null: it goes. */
export type KeyWrite = {
  readonly offset: number;
  readonly atMs: number;
  readonly version: number | null;
  readonly by: string | null;
  readonly data: string | null;
  readonly ref: string | null;
  readonly expiresAtMs: number | null;
} | null;

type Aged = { readonly atMs: number; readonly units: number };

/** A channel as the transaction under way has made it. Nobody else changes it until that ends: its row is locked. */
export type WorkChannel = PgChannelRow & {
  readonly epoch: string;
  /** What the tables have: what is behind `writtenTop` is in `added`, what is up to `writtenFloor` is gone. */
  writtenTop: number;
  writtenFloor: number;
  changed: boolean;
  /** Publications that are not written yet, from offset `writtenTop` + 1 on. */
  added: Publication[];
  /** Of the oldest that are kept, as read ahead: the first is that of offset `aheadFrom`. */
  ahead: Aged[];
  aheadFrom: number;
  readonly taken: Map<string, TakenId>;
  readonly newIds: {
    readonly id: string;
    readonly offset: number;
    readonly atMs: number;
    readonly print: string;
  }[];
  readonly known: Map<string, KnownKey>;
  readonly keyWrites: Map<string, KeyWrite>;
};

/** Publications read at once where what was read ahead did not suffice. */
const READ_AHEAD = 500;

/** What a transaction has in its hands. */
export type LogWork = {
  readonly within: PgTransaction;
  readonly era: string;
  /** null: the log's state was not locked, so no channel may come or go. */
  readonly state: LogStateRow | null;
  /** Turns of channels that are not there, where they were dropped. */
  readonly droppedTurns: ReadonlyMap<string, number>;
  readonly channels: Map<string, WorkChannel>;
  /** Dropped ones that begin again. */
  readonly begunAgain: string[];
  readonly lanes: WorkLanes;
};

export function hold(work: LogWork, row: PgChannelRow): WorkChannel {
  const channel: WorkChannel = {
    ...row,
    epoch: epochOf(work.era, row.turn),
    writtenTop: row.top,
    writtenFloor: row.floor,
    changed: false,
    added: [],
    ahead: [],
    aheadFrom: row.floor + 1,
    taken: new Map(),
    newIds: [],
    known: new Map(),
    keyWrites: new Map(),
  };
  work.channels.set(row.name, channel);
  return channel;
}

function stateOf({ state }: LogWork): LogStateRow {
  if (state === null) throw new Error('a channel comes or goes, and the state of the log is not locked');
  return state;
}

/** The turn in which a channel that is not there would begin. */
export function absentTurn(work: LogWork, channel: string): number {
  return work.droppedTurns.get(channel) ?? stateOf(work).untouched;
}

/** Begins a channel. It is written with what is added to it. */
export function begin(work: LogWork, name: string, id: number): WorkChannel {
  const state = stateOf(work);
  if (work.droppedTurns.has(name)) {
    work.begunAgain.push(name);
    state.dropped--;
  }
  state.channels++;
  return hold(work, {
    id,
    name,
    turn: absentTurn(work, name),
    top: 0,
    floor: 0,
    oldest_at_ms: null,
    units: 0,
    keys: 0,
    tombstones: 0,
    ids: 0,
    keep_count: 0,
    keep_age_ms: 0,
    keep_units: 0,
    keep_keys: 0,
    keep_once_ms: 0,
    due_ms: null,
  });
}

/** Drops a channel with everything in it. The next of its name begins a new epoch. What waits is written before. */
export async function drop(work: LogWork, { id, name }: PgChannelRow): Promise<void> {
  const state = stateOf(work);
  work.channels.delete(name);
  await work.within.run(dropChannel, id);
  state.channels--;
  state.turns++;
  if (state.dropped < REMEMBERED_CHANNELS) {
    await work.within.run(noteDropped, name, state.turns);
    state.dropped++;
  } else {
    await work.within.run(forgetAllDropped);
    state.untouched = state.turns;
    state.dropped = 0;
  }
}

export function retentionOf(channel: WorkChannel): Retention {
  return {
    count: channel.keep_count,
    ageMs: channel.keep_age_ms,
    units: channel.keep_units,
    keys: channel.keep_keys,
    onceMs: channel.keep_once_ms,
  };
}

/** The oldest publication that is kept; there is one. */
async function oldestOf(work: LogWork, channel: WorkChannel): Promise<Aged> {
  const offset = channel.floor + 1;
  if (offset > channel.writtenTop) {
    const { atMs, data } = channel.added[offset - channel.writtenTop - 1] as Publication;
    return { atMs, units: data === null ? 0 : data.length };
  }
  const known = channel.ahead[offset - channel.aheadFrom];
  if (known !== undefined) return known;
  const rows = await work.within.run(oldest, [channel.id], [channel.floor], [READ_AHEAD]);
  channel.ahead = rows.map(({ at_ms, units }) => ({ atMs: at_ms, units }));
  channel.aheadFrom = offset;
  const first = channel.ahead[0];
  if (first === undefined) throw new Error('the log has lost publications that it counts');
  return first;
}

/** Drops what the retention of the channel no longer allows. */
export async function trim(work: LogWork, channel: WorkChannel, nowMs: number): Promise<void> {
  const keep = retentionOf(channel);
  while (channel.top > channel.floor) {
    channel.oldest_at_ms ??= (await oldestOf(work, channel)).atMs;
    const kept = channel.top - channel.floor;
    if (!isOverdue(kept, channel.units, channel.oldest_at_ms, keep, nowMs)) return;
    channel.units -= (await oldestOf(work, channel)).units;
    channel.floor++;
    channel.oldest_at_ms = null;
    channel.changed = true;
  }
}

/** Drops everything up to an offset. What waits was written before. */
export async function trimTo(work: LogWork, channel: WorkChannel, offset: number): Promise<void> {
  const floor = Math.min(offset, channel.top);
  if (floor <= channel.floor) return;
  const [left] = await work.within.run(leftBehind, channel.id, channel.floor, floor);
  if (left === undefined) throw new Error('Postgres says nothing of what is left');
  channel.units -= left.units;
  channel.oldest_at_ms = left.oldest_at_ms;
  channel.floor = floor;
  channel.changed = true;
}

/** Notes that something of the channel will age. */
export function becomesDue(channel: WorkChannel, dueMs: number): void {
  if (channel.due_ms !== null || !Number.isFinite(dueMs)) return;
  channel.due_ms = dueMs;
  channel.changed = true;
}

/** What is known of a key, by the rule that a deletion is known for as long as the history is kept. */
export function factsOf(
  channel: WorkChannel,
  key: string,
  ageMs: number,
  nowMs: number,
): KeyFacts | undefined {
  const known = channel.known.get(key) ?? null;
  if (known === null) return undefined;
  return known.isSet || known.atMs + ageMs > nowMs ? { set: known.isSet, version: known.version } : undefined;
}

/** Sets or deletes a key, whose facts have been read. */
export function applyKey(channel: WorkChannel, key: string, write: NonNullable<KeyWrite>): void {
  const before = channel.known.get(key) ?? null;
  if (before?.isSet === true) channel.keys--;
  else if (before !== null) channel.tombstones--;
  channel.changed = true;
  // A deletion without a version leaves nothing, and takes what an earlier one left.
  if (write.data === null && write.version === null) {
    channel.known.set(key, null);
    channel.keyWrites.set(key, null);
    return;
  }
  channel.known.set(key, { isSet: write.data !== null, version: write.version, atMs: write.atMs });
  channel.keyWrites.set(key, write);
  if (write.data === null) channel.tombstones++;
  else channel.keys++;
}

/** Keys and ids as the tables have them. */
export function bytesOf(text: string): Buffer {
  return toUnits(text);
}
