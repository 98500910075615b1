import type { Position, Soon } from './log.ts';

/** What is known of a document without its content. */
export type DocumentHead = {
  /** The publications up to here are in the snapshot; what lies behind is the tail, in the log. */
  readonly position: Position;
  /** The snapshot's state vector: the next clock of each client id. */
  readonly vector: ReadonlyMap<number, number>;
  /** Whose client ids they are (`core/document/owners.ts`), as JSON text. Opaque to the store. */
  readonly owners: string;
  /** Bytes of the snapshot. */
  readonly bytes: number;
};

/** The whole document up to a position, garbage collected, as one update (Yjs, format 1). */
export type DocumentSnapshot = Omit<DocumentHead, 'bytes'> & { readonly state: Uint8Array };

/** A version of a document, without its content. */
export type VersionHead = {
  /** Unique within the document; later ones sort behind in the order of UTF-16 units. */
  readonly id: string;
  /** Null: made by itself. */
  readonly name: string | null;
  readonly atMs: number;
  /** Who made it; null: the server. */
  readonly by: string | null;
  /** Where the document stood. */
  readonly position: Position;
  readonly bytes: number;
};

export type Version = { readonly head: Omit<VersionHead, 'bytes'>; readonly state: Uint8Array };

/**
 * Snapshots and versions of documents. The tail of updates is in the log of the same durability.
 *
 * - `put` MUST keep the snapshot only where the one that is kept is at `replaces` (null: there is none) in the same step, and say
 *   whether it did; two nodes may compact at once. It MUST NOT resolve before the snapshot is kept at the store's level: the log is
 *   trimmed behind it.
 * - A rejection (`storeUnavailable`) MUST leave the one before in place, or, where that is not known, either whole.
 * - `forget` drops the snapshot and every version.
 * - What is returned MUST NOT change afterwards, and what was given MAY be changed by the caller once the call has settled.
 */
export interface DocumentStore {
  head(channel: string): Soon<DocumentHead | null>;
  snapshot(channel: string): Soon<DocumentSnapshot | null>;
  put(channel: string, snapshot: DocumentSnapshot, replaces: Position | null): Soon<boolean>;
  /** Keeps a version; one of the same id is replaced. */
  addVersion(channel: string, version: Version): Soon<void>;
  /** Newest first, behind `before`; null begins with the newest. */
  versions(channel: string, before: string | null, limit: number): Soon<readonly VersionHead[]>;
  version(channel: string, id: string): Soon<Version | null>;
  /** @returns whether there was one */
  removeVersion(channel: string, id: string): Soon<boolean>;
  forget(channel: string): Soon<void>;
}
