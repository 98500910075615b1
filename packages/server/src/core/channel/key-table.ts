import type { MapEntry, MapPage, Publication, Retention } from '../../ports/log.ts';
import type { DueHeap } from './due-heap.ts';
import { type KeyOrder, addKey, createKeyOrder, keysBehind, removeKey } from './key-order.ts';
import type { KeyFacts } from './log-rules.ts';

/** A key that is set, and when it runs out. */
export type HeldKey = KeyFacts & {
  readonly channel: string;
  readonly set: true;
  version: number | null;
  entry: MapEntry;
  dueMs: number;
  heapIndex: number;
};

/** What is left of a key that was deleted with a version, so that a late older publication does not bring it back. */
type Tombstone = KeyFacts & { readonly set: false; readonly offset: number; readonly atMs: number };

/** The keys of one map. */
export type KeyTable = {
  readonly held: Map<string, HeldKey>;
  /** In the order of the deletions. */
  readonly tombstones: Map<string, Tombstone>;
  readonly order: KeyOrder;
};

export function createKeyTable(): KeyTable {
  return { held: new Map(), tombstones: new Map(), order: createKeyOrder() };
}

export function keyFacts(table: KeyTable, key: string, ageMs: number, nowMs: number): KeyFacts | undefined {
  const held = table.held.get(key);
  if (held !== undefined) return held;
  const tombstone = table.tombstones.get(key);
  return tombstone === undefined || tombstone.atMs + ageMs <= nowMs ? undefined : tombstone;
}

/** @param dueMs when the key runs out, ms since the epoch; null: never */
export function setKey(
  table: KeyTable,
  channel: string,
  entry: MapEntry,
  dueMs: number | null,
  expiry: DueHeap<HeldKey>,
): void {
  let held = table.held.get(entry.key);
  if (held === undefined) {
    held = { channel, set: true, version: entry.version, entry, dueMs: 0, heapIndex: -1 };
    table.held.set(entry.key, held);
    table.tombstones.delete(entry.key);
    addKey(table.order, entry.key);
  } else {
    held.entry = entry;
    held.version = entry.version;
  }
  if (dueMs !== null) expiry.put(held, dueMs);
  else expiry.remove(held);
}

/** A deletion without a version leaves nothing, and takes what an earlier one left: the last publication says how a key is. */
export function deleteKey(
  table: KeyTable,
  key: string,
  deletion: Publication,
  retention: Retention,
  floor: number,
  expiry: DueHeap<HeldKey>,
): void {
  const held = table.held.get(key);
  if (held !== undefined) {
    expiry.remove(held);
    table.held.delete(key);
    removeKey(table.order, (other) => table.held.has(other));
  }
  // Taken out first, so that the newest is the last.
  table.tombstones.delete(key);
  if (deletion.version === null) return;
  const { offset, atMs, version } = deletion;
  table.tombstones.set(key, { set: false, version, offset, atMs });
  if (table.tombstones.size > retention.keys) dropOldestTombstones(table, retention.keys, floor);
}

/** As many as keys are allowed, and all whose deletion the history still holds. */
function dropOldestTombstones(table: KeyTable, kept: number, floor: number): void {
  for (const [key, { offset }] of table.tombstones) {
    if (table.tombstones.size <= kept || offset > floor) return;
    table.tombstones.delete(key);
  }
}

/** Drops tombstones that ran out. Returns when the oldest that is left was made, ms since the epoch. */
export function trimTombstones(table: KeyTable, ageMs: number, nowMs: number): number | undefined {
  for (const [key, { atMs }] of table.tombstones) {
    if (atMs + ageMs > nowMs) return atMs;
    table.tombstones.delete(key);
  }
  return undefined;
}

export function entriesBehind(table: KeyTable, after: string | null, limit: number): Omit<MapPage, 'top'> {
  const { keys, more } = keysBehind(table.order, after, limit, (key) => table.held.has(key));
  const entries = keys.map((key) => (table.held.get(key) as HeldKey).entry);
  return { entries, next: more ? (keys.at(-1) ?? after) : null };
}
