import type { DueHeap } from '../../core/channel/due-heap.ts';
import {
  type History,
  addPublication,
  createHistory,
  oldestOf,
  trimByAge,
  trimHistory,
} from '../../core/channel/history.ts';
import {
  type HeldKey,
  type KeyTable,
  createKeyTable,
  deleteKey,
  setKey,
  trimTombstones,
} from '../../core/channel/key-table.ts';
import type { ChannelFacts } from '../../core/channel/log-rules.ts';
import { type TakenIds, ageIds, createTakenIds, heldIds, onceKey } from '../../core/channel/taken-ids.ts';
import type { Append, MapEntry, Publication, Retention } from '../../ports/log.ts';

/** A channel that had a publication. */
export type Channel = ChannelFacts & {
  readonly name: string;
  top: number;
  keys: number;
  ids: number;
  /** Of the last append: keys run out and publications age without one. */
  retention: Retention;
  readonly history: History;
  map: KeyTable | null;
  taken: TakenIds | null;
  /** When something of it may have aged out, ms since the epoch. */
  dueMs: number;
  heapIndex: number;
};

export type LogTotals = { publications: number; keys: number };

export function createChannel(name: string, epoch: string, retention: Retention): Channel {
  return {
    name,
    epoch,
    top: 0,
    keys: 0,
    ids: 0,
    retention,
    history: createHistory(),
    map: null,
    taken: null,
    dueMs: 0,
    heapIndex: -1,
  };
}

/** Keeps a publication that was decided on, and drops what it leaves no room for. */
export function keepPublication(
  channel: Channel,
  append: Append,
  expiry: DueHeap<HeldKey>,
  totals: LogTotals,
): Publication {
  const { retention, nowMs } = append;
  channel.retention = retention;
  const publication = addNext(channel, append, nowMs, totals);
  if (append.kind === 'map' && append.key !== null) {
    const map = (channel.map ??= createKeyTable());
    if (publication.data === null) dropKey(channel, map, append.key, publication, expiry, totals);
    else {
      const dueMs = append.ttlMs === null ? null : nowMs + append.ttlMs;
      setKey(map, channel.name, publication as MapEntry, dueMs, expiry);
      countKeys(channel, map, totals);
    }
  }
  if (append.once !== null) {
    const taken = (channel.taken ??= createTakenIds(nowMs));
    taken.current.set(onceKey(append.once), { offset: publication.offset, print: append.once.print });
    channel.ids++;
  }
  return publication;
}

/** Deletes a key that ran out, by a publication of the server. The key's version still counts against late ones. */
export function expireKey(
  channel: Channel,
  map: KeyTable,
  held: HeldKey,
  nowMs: number,
  expiry: DueHeap<HeldKey>,
  totals: LogTotals,
): Publication {
  const { key, version } = held.entry;
  const publication = addNext(channel, { by: null, data: null, key, version, ref: null }, nowMs, totals);
  dropKey(channel, map, key, publication, expiry, totals);
  return publication;
}

/**
 * Drops what has aged out.
 *
 * @returns when to look again, ms since the epoch; null: nothing is left that ages
 */
export function ageChannel(channel: Channel, nowMs: number, totals: LogTotals): number | null {
  const { history, map, retention } = channel;
  totals.publications -= trimByAge(history, retention.ageMs, nowMs);
  let nextMs = Infinity;
  const oldest = oldestOf(history);
  if (oldest !== undefined) nextMs = oldest.atMs + retention.ageMs;
  if (map !== null) {
    const tombstoneAtMs = trimTombstones(map, retention.ageMs, nowMs);
    if (tombstoneAtMs !== undefined) nextMs = Math.min(nextMs, tombstoneAtMs + retention.ageMs);
  }
  if (channel.taken !== null) {
    const { onceMs } = retention;
    ageTaken(channel, channel.taken, onceMs, nowMs);
    if (channel.ids === 0) channel.taken = null;
    else nextMs = Math.min(nextMs, channel.taken.sinceMs + onceMs + 1);
  }
  return nextMs === Infinity ? null : nextMs;
}

/** Whether nothing would be lost with the channel but its position. */
export function isEmpty({ history, keys, ids, map }: Channel): boolean {
  return history.size === 0 && keys === 0 && ids === 0 && (map === null || map.tombstones.size === 0);
}

export function ageTaken(channel: Channel, taken: TakenIds, onceMs: number, nowMs: number): void {
  ageIds(taken, onceMs, nowMs);
  channel.ids = heldIds(taken);
}

function addNext(
  channel: Channel,
  { by, data, key, version, ref }: Omit<Publication, 'offset' | 'atMs'>,
  nowMs: number,
  totals: LogTotals,
): Publication {
  const publication: Publication = { offset: ++channel.top, atMs: nowMs, by, data, key, version, ref };
  addPublication(channel.history, publication);
  totals.publications += 1 - trimHistory(channel.history, channel.retention, nowMs);
  return publication;
}

function dropKey(
  channel: Channel,
  map: KeyTable,
  key: string,
  deletion: Publication,
  expiry: DueHeap<HeldKey>,
  totals: LogTotals,
): void {
  deleteKey(map, key, deletion, channel.retention, channel.top - channel.history.size, expiry);
  countKeys(channel, map, totals);
}

function countKeys(channel: Channel, map: KeyTable, totals: LogTotals): void {
  totals.keys += map.held.size - channel.keys;
  channel.keys = map.held.size;
}
