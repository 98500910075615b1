/** Clocks of one client id, from and up to, the end excluded. */
export type ClockRange = { readonly client: number; readonly from: number; readonly to: number };

/** What an update brings, needs and deletes, as far as that can be told without the document. */
export type UpdateContent = {
  /** What it brings: one range of each client id, without gaps, no client twice. */
  readonly brings: readonly ClockRange[];
  /** The next clock that must be known of each client id that it builds on (origins, parents, deletions), beside what it brings itself. */
  readonly needs: ReadonlyMap<number, number>;
  /** Whether it deletes anything. */
  readonly deletes: boolean;
};

export type Inspected =
  | { readonly ok: true; readonly content: UpdateContent }
  /** `detail`: what is wrong with it, in a few words for people. */
  | { readonly ok: false; readonly detail: string };

/** A document as it is kept: the snapshot, if there is one, and the updates behind it in their order. */
export type DocumentParts = { readonly state: Uint8Array | null; readonly tail: readonly Uint8Array[] };

/** A run of a document's content by one client id. */
export type AuthorRun = { readonly client: number; readonly length: number; readonly text: string };

/** How two states of a document differ, by the names of its root types. */
export type DocumentDiff = readonly {
  readonly root: string;
  /** Texts and XML as their text; maps and arrays as JSON text of each entry. */
  readonly kind: 'text' | 'xml' | 'map' | 'array';
  readonly parts: readonly { readonly op: 'same' | 'added' | 'removed'; readonly text: string }[];
}[];

/** A change that the server's side makes, without a document of its own. */
export type DocumentEdit =
  | { readonly at: string; readonly op: 'insert'; readonly index: number; readonly text: string }
  /** Of a text its characters, of an array its entries. */
  | { readonly at: string; readonly op: 'delete'; readonly index: number; readonly length: number }
  | { readonly at: string; readonly op: 'set'; readonly key: string; readonly value: unknown }
  | { readonly at: string; readonly op: 'unset'; readonly key: string }
  | { readonly at: string; readonly op: 'push'; readonly values: readonly unknown[] };

/** A document's content for people and programs, by the names of its root types. */
export type DocumentJson = Readonly<Record<string, unknown>>;

/** Why a job was not done: the caller's input, not the machine. */
export type JobRefused = { readonly ok: false; readonly detail: string };
export type Job<T> = Promise<({ readonly ok: true } & T) | JobRefused>;

/**
 * Everything that needs the CRDT itself. `inspect` answers at once, for each update passes through it; the rest are jobs that
 * make a document, use it and let go of it, outside the thread that serves.
 *
 * - `inspect` MUST refuse whatever a client could not apply, and what is not one whole update of format 1; in time and memory
 *   proportional to its bytes. It MUST NOT throw.
 * - No job MUST keep a document behind its answer. `retained()` counts those that are still in memory after a collection.
 * - A job rejects where the engine failed or was closed (`storeUnavailable`), and MUST then have no effect; a job that takes longer than its
 *   time is ended with its thread.
 */
export interface DocumentEngine {
  inspect(update: Uint8Array): Inspected;
  /** One update of many, without a document; nothing is collected. For tails. */
  merge(updates: readonly Uint8Array[]): Uint8Array;
  /**
   * What of an inspected update a vector lacks, with all its deletions, without a document. One that begins in the middle of what is
   * known MUST be trimmed before a client applies it: where the known part is not what the update says it is, the library fails.
   */
  trim(update: Uint8Array, vector: ReadonlyMap<number, number>): Uint8Array;
  encodeVector(vector: ReadonlyMap<number, number>): Uint8Array;
  /** Undefined where it is none. */
  decodeVector(bytes: Uint8Array): ReadonlyMap<number, number> | undefined;
  /** One snapshot of snapshot and tail, garbage collected, with its vector. */
  compact(parts: DocumentParts): Job<{
    readonly state: Uint8Array;
    readonly vector: ReadonlyMap<number, number>;
  }>;
  /** What somebody who has `vector` lacks. */
  diffUpdate(parts: DocumentParts, vector: Uint8Array): Job<{ readonly update: Uint8Array }>;
  /** What of an update is new to the document; null: nothing. For updates that repeat all deletions, as answers to a state vector do. */
  prune(parts: DocumentParts, update: Uint8Array): Job<{ readonly update: Uint8Array | null }>;
  /** The change that makes the document what `target` was, by as few edits as can be found; null: it is so already. */
  restore(
    parts: DocumentParts,
    target: Uint8Array,
    client: number,
  ): Job<{ readonly update: Uint8Array | null }>;
  /** The edits as one change by `client`. Refused where one does not fit the document. */
  edit(
    parts: DocumentParts,
    edits: readonly DocumentEdit[],
    client: number,
  ): Job<{ readonly update: Uint8Array | null }>;
  compare(before: DocumentParts, after: DocumentParts): Job<{ readonly diff: DocumentDiff }>;
  json(parts: DocumentParts): Job<{ readonly json: DocumentJson }>;
  authors(parts: DocumentParts): Job<{ readonly roots: Readonly<Record<string, readonly AuthorRun[]>> }>;
  /** Documents that jobs made and that are still in memory, after a collection where one can be had. */
  retained(): Promise<number>;
  /** Jobs that wait for a thread, or are being done. */
  jobs(): number;
  close(): Promise<void>;
}
