import { DEFAULT_PAGE_SIZE } from '@carillon/protocol';
import type {
  Authors,
  DocumentChanged,
  DocumentDiff,
  DocumentEdit,
  DocumentJson,
  DocumentsApi,
  Restored,
  VersionHead,
  VersionPage,
  WholeDocument,
} from '../../runtime/documents/documents-api.ts';
import type { Position } from '../../ports/log.ts';
import type { Outcome } from '../../runtime/node-api.ts';

/** Whose change it is. */
export type OnBehalf = {
  /** A user's; unless given the server's. */
  readonly by?: string;
};

export type EditOptions = OnBehalf & {
  /** Idempotency id: the same id edits once, within five minutes at least. */
  readonly id?: string;
};

export type VersionsOptions = {
  /** The page begins behind this one: `next` of the page before. */
  readonly before?: string | null;
  /** At most 1,000; unless given 100. */
  readonly limit?: number;
};

/**
 * One document, for the app's own side: nobody needs to be in it. Nothing here throws or rejects: each answers with a value, or with a
 * code of docs/errors.md.
 */
export type DocumentApi = {
  /** All of it as one update of Yjs, format 1, garbage collected: for export, and for a `Y.Doc` of one's own. */
  state(): Promise<Outcome<WholeDocument>>;
  /** What it says, by the names of its root types. */
  json(): Promise<Outcome<{ readonly position: Position; readonly json: DocumentJson }>>;
  /** One change of all these edits; where one does not fit (`update_invalid`), none is made. */
  edit(edits: readonly DocumentEdit[], options?: EditOptions): Promise<Outcome<DocumentChanged>>;
  /** Takes an update, or the whole of a document: joined to what is there. Importing again changes nothing. */
  import(update: Uint8Array, options?: OnBehalf): Promise<Outcome<DocumentChanged>>;
  /** Who wrote what. */
  authors(): Promise<Outcome<{ readonly position: Position; readonly roots: Authors }>>;
  /** Newest first. */
  versions(options?: VersionsOptions): Promise<Outcome<VersionPage>>;
  /** Keeps what it says now. @param name 1 to 128 characters; null: unnamed, kept among those made by themselves */
  saveVersion(name: string | null, options?: OnBehalf): Promise<Outcome<VersionHead>>;
  version(id: string): Promise<Outcome<{ readonly version: VersionHead; readonly update: Uint8Array }>>;
  /** What leads from a version to another; unless given to the document as it is. */
  diff(id: string, other?: string): Promise<Outcome<DocumentDiff>>;
  /** Makes it what it was, by a change that leaves cursors where they are. What it said before is kept as a version. */
  restore(id: string, options?: OnBehalf): Promise<Outcome<Restored>>;
  removeVersion(id: string): Promise<Outcome>;
  /** Forgets content and versions. Copies that people have come back with the next of them who may write. */
  delete(): Promise<Outcome>;
};

/** @param on names the channel; what cannot be one is refused there */
export function createDocumentApi(
  documents: DocumentsApi,
  on: <T>(operation: (channel: string) => Promise<Outcome<T>>) => Promise<Outcome<T>>,
): DocumentApi {
  return {
    state: () => on((channel) => documents.state(channel)),
    json: () => on((channel) => documents.json(channel)),
    edit: (edits, options = {}) => on((channel) => documents.edit(channel, { edits, ...options })),
    import: (update, { by } = {}) => on((channel) => documents.import(channel, update, by)),
    authors: () => on((channel) => documents.authors(channel)),
    versions: ({ before = null, limit = DEFAULT_PAGE_SIZE } = {}) =>
      on((channel) => documents.versions(channel, before, limit)),
    saveVersion: (name, { by } = {}) => on((channel) => documents.saveVersion(channel, name, by)),
    version: (id) => on((channel) => documents.version(channel, id)),
    diff: (id, other) => on((channel) => documents.diff(channel, id, other ?? null)),
    restore: (id, { by } = {}) => on((channel) => documents.restore(channel, id, by)),
    removeVersion: (id) => on((channel) => documents.removeVersion(channel, id)),
    delete: () => on((channel) => documents.delete(channel)),
  };
}
