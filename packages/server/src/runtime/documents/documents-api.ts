import type { DocumentDiff, DocumentEdit, DocumentJson } from '../../ports/document-engine.ts';
import type { VersionHead } from '../../ports/documents.ts';
import type { Position } from '../../ports/log.ts';
import type { Outcome } from '../operation-outcome.ts';

export type { DocumentDiff, DocumentEdit, DocumentJson } from '../../ports/document-engine.ts';
export type { VersionHead } from '../../ports/documents.ts';

/** A page of versions, newest first. */
export type VersionPage = {
  readonly versions: readonly VersionHead[];
  /** Go on behind this one; null: it was the last. */
  readonly next: string | null;
};

/** What one author wrote: a run of what a root type shows. */
export type WrittenRun = {
  /** Null: nobody who is known, or the server. */
  readonly by: string | null;
  readonly length: number;
  readonly text: string;
};

/** `changed`: whether there was anything to change. */
export type Restored = { readonly position: Position; readonly changed: boolean };

export type Authors = Readonly<Record<string, readonly WrittenRun[]>>;

/** What became of a change of the server's side. */
export type DocumentChanged = {
  readonly position: Position;
  /** All of it was there, or it had been made under this id before. */
  readonly duplicate: boolean;
};

/** Edits of one request: all of them are one change. */
export const EDITS_PER_REQUEST = 1_000;

export type EditRequest = {
  readonly edits: readonly DocumentEdit[];
  /** Whose change it is; unless given the server's. */
  readonly by?: string | undefined;
  /** Idempotency id: the same id edits once, within five minutes at least. */
  readonly id?: string | undefined;
};

export type DocumentSizes = {
  readonly open: number;
  /** Bytes of their snapshots, and of the updates behind them. */
  readonly snapshotBytes: number;
  readonly tailBytes: number;
  /** Client ids that people are seen by in them, those of other nodes included. */
  readonly people: number;
};

/** The whole document as one update of Yjs, format 1, garbage collected. */
export type WholeDocument = { readonly position: Position; readonly update: Uint8Array };

/**
 * What the app does with documents: part of the one entry to a node. Nobody needs to be in the document. Never throws and never rejects.
 * A channel that is no document is refused with `kind_mismatch`.
 */
export interface DocumentsApi {
  /** How large bodies are worth reading, bytes. */
  limits(channel: string): Outcome<{ readonly updateBytes: number; readonly documentBytes: number }>;
  /** How much there is of documents that are open on this node. */
  sizes(): DocumentSizes;
  state(channel: string): Promise<Outcome<WholeDocument>>;
  json(channel: string): Promise<Outcome<{ readonly position: Position; readonly json: DocumentJson }>>;
  /** Refused with `update_invalid` where an edit does not fit the document: then none of them is made. */
  edit(channel: string, request: EditRequest): Promise<Outcome<DocumentChanged>>;
  /** Takes an update, or a whole document, up to `documentBytes`: joined to what is there, as any change. */
  import(channel: string, update: Uint8Array, by?: string): Promise<Outcome<DocumentChanged>>;
  authors(channel: string): Promise<Outcome<{ readonly position: Position; readonly roots: Authors }>>;
  /** Newest first. */
  versions(channel: string, before: string | null, limit: number): Promise<Outcome<VersionPage>>;
  /** @param name null: unnamed, kept among those that are made by themselves */
  saveVersion(channel: string, name: string | null, by?: string): Promise<Outcome<VersionHead>>;
  version(
    channel: string,
    id: string,
  ): Promise<Outcome<{ readonly version: VersionHead; readonly update: Uint8Array }>>;
  /** What a version says. */
  versionJson(
    channel: string,
    id: string,
  ): Promise<Outcome<{ readonly version: VersionHead; readonly json: DocumentJson }>>;
  /** What leads from a version to another, or with null to the document. */
  diff(channel: string, id: string, other: string | null): Promise<Outcome<DocumentDiff>>;
  restore(channel: string, id: string, by?: string): Promise<Outcome<Restored>>;
  removeVersion(channel: string, id: string): Promise<Outcome>;
  /** Forgets content and versions. What people have in their copies comes back with the next of them who may write. */
  delete(channel: string): Promise<Outcome>;
}
