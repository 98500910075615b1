import type { EntryItem, PublicationItem } from '@carillon/protocol';

/** One key of a map. A new object for each change, so that identity tells whether one changed. */
export type MapEntry = {
  readonly key: string;
  readonly value: unknown;
  /** Of the publication that set it. */
  readonly offset: number;
  /** When it was set, ms since the epoch; null for one's own that the channel does not echo. */
  readonly atMs: number | null;
  /** Who set it; null: the server. */
  readonly by: string | null;
  /** The publisher's version; null where none was given. */
  readonly version: number | null;
  /** What the publication that set it answers ([PUB8]). */
  readonly ref?: string | undefined;
};

/** One key before and after; undefined where it was or is not set. */
export type MapChange = {
  readonly key: string;
  readonly before: MapEntry | undefined;
  readonly after: MapEntry | undefined;
  /** What the publication that changed it answers, a deletion too. One that has a `ref` is told also where it changes nothing. */
  readonly ref?: string | undefined;
  /**
   * A publication deleted it, with this version; null: with none. Absent where it was set, and where a newer snapshot does not have it. Deletions
   * are told also where the key was not known: the app may know it from elsewhere.
   */
  readonly deleted?: number | null | undefined;
};

/**
 * A map as far as it is known: pages of a snapshot and publications, in any order ([MAP2]). When the snapshot has to be
 * read anew, what was known before stays to be seen until it is replaced, or until the last page shows that it is gone.
 */
export type MapView = {
  readonly entries: Map<string, MapEntry>;
  /** Keys of an earlier snapshot that nothing was heard of in this one; their offsets mean nothing any more. */
  stale: Set<string>;
  /** Deletions, by key, until the last page is read: a page that was read before one must not undo it. */
  readonly deleted: Map<string, number>;
  complete: boolean;
  /** The next page begins behind this key; undefined: it is the first. */
  next: string | undefined;
};

export function newMapView(): MapView {
  return {
    entries: new Map(),
    stale: new Set(),
    deleted: new Map(),
    complete: false,
    next: undefined,
  };
}

/** What was known counts no more: the snapshot is read anew. */
export function beginSnapshot(view: MapView): void {
  view.stale = new Set(view.entries.keys());
  view.deleted.clear();
  view.complete = false;
  view.next = undefined;
}

/** Applies an entry of a page. */
export function putEntry(view: MapView, item: EntryItem, changes: MapChange[]): void {
  put(view, entryOf(item.k, item.d, item), changes);
}

/** Applies a publication that sets or deletes a key. One without a key says nothing. */
export function putPublication(view: MapView, item: PublicationItem, changes: MapChange[]): void {
  const { k: key, ref } = item;
  if (key === undefined) return;
  const told = changes.length;
  const deleted = item.del === true ? (item.ver ?? null) : undefined;
  if (deleted !== undefined) drop(view, key, item, deleted, changes);
  else put(view, entryOf(key, item.d, item), changes);
  // Who waits for what it answers is told, also where a page that overtook it was newer.
  if ((ref ?? deleted) === undefined || changes.length > told) return;
  const entry = view.entries.get(key);
  changes.push({ key, before: entry, after: entry, ref, deleted });
}

function drop(
  view: MapView,
  key: string,
  { o: offset, ref }: PublicationItem,
  deleted: number | null,
  changes: MapChange[],
): void {
  const before = view.entries.get(key);
  const counts = view.stale.delete(key) || (before !== undefined && before.offset < offset);
  if (!view.complete) view.deleted.set(key, Math.max(offset, view.deleted.get(key) ?? 0));
  if (!counts) return;
  view.entries.delete(key);
  changes.push({ key, before, after: undefined, ref, deleted });
}

function put(view: MapView, entry: MapEntry, changes: MapChange[]): void {
  const { key, offset } = entry;
  if ((view.deleted.get(key) ?? 0) >= offset) return;
  const before = view.entries.get(key);
  if (!view.stale.delete(key) && before !== undefined && before.offset >= offset) return;
  view.entries.set(key, entry);
  changes.push({ key, before, after: entry, ref: entry.ref });
}

/** The last page is here: what no page named is not set. */
export function endSnapshot(view: MapView, changes: MapChange[]): void {
  for (const key of view.stale) {
    changes.push({ key, before: view.entries.get(key), after: undefined });
    view.entries.delete(key);
  }
  view.stale.clear();
  view.deleted.clear();
  view.complete = true;
  view.next = undefined;
}

function entryOf(key: string, value: unknown, item: EntryItem | PublicationItem): MapEntry {
  return {
    key,
    value,
    offset: item.o,
    atMs: item.ts ?? null,
    by: item.by ?? null,
    version: item.ver ?? null,
    ref: item.ref,
  };
}
