import type { ErrorCode } from '@carillon/protocol';
import type { Author, DocumentState } from '../../core/document/document-state.ts';
import type { PublicationNotice } from '../../ports/broker.ts';
import type { DocumentParts } from '../../ports/document-engine.ts';
import type { Position } from '../../ports/log.ts';

/** What somebody wants to change. */
export type Change = {
  readonly update: Uint8Array;
  readonly author: Author;
  /** Who is told of it as of their own, without the payload; null: nobody. */
  readonly silent: { readonly session: string; readonly request: number | null } | null;
  /** Taken only where the document stands here: otherwise `conflict`. */
  readonly expect?: Position;
  /** The same id is taken once; `print` stands for what was asked. */
  readonly once?: { readonly id: string; readonly print: string } | undefined;
  /** As large as the document may be, not as an update of a client: an import. */
  readonly isImport?: boolean;
  /** Asked in the turn in which it would be appended: the role may have sunk while it waited. */
  mayWrite(): boolean;
};

export type TakeResult =
  | { readonly ok: true; readonly position: Position; readonly duplicate: boolean }
  | RefusedChange;

export type RefusedChange = {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryAfterMs?: number;
};

/** A document as it was at a position: for jobs. */
export type ReadDocument = { readonly position: Position; readonly parts: DocumentParts };

/** How much a document is, as far as this node knows. */
export type RoomSize = {
  /** The snapshot's bytes. */
  readonly snapshotBytes: number;
  readonly tailBytes: number;
  readonly tailUpdates: number;
};

/** A document that is open on this node. No content is kept but for the moments in which somebody joins. */
export type Room = {
  /** Reads what is known of the document; at once where that is known already. Rejects where a store does not answer. */
  ready(): Promise<void> | undefined;
  /** As of `position`. Of no meaning before `ready`. */
  readonly state: DocumentState;
  readonly position: Position;
  readonly size: RoomSize;
  /** Whether a change waits or is on its way into the log. */
  readonly busy: boolean;
  /** Resolves once none is. */
  idle(): Promise<void>;
  /** Takes its place behind every change before it. Never rejects. */
  take(change: Change): Promise<TakeResult>;
  /** The next publication, in the order of the log. */
  delivered(notice: PublicationNotice): void;
  /** What is known counts no more, or not all of it: the log began anew, or has lost what was not heard. It is read again. */
  lost(): void;
  /** Snapshot and tail up to now. Rejects where a store does not answer. */
  read(): Promise<ReadDocument>;
  /** Puts the tail into the snapshot, where there is one. Never rejects. */
  compact(): Promise<void>;
  /** The channel was closed on this node. */
  close(): void;
};
