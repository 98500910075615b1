import type { Role } from '@carillon/protocol';
import type { Awareness } from 'y-protocols/awareness';
import type { Doc } from 'yjs';
import type { Params } from '../channels/channel-names.ts';
import type { DocumentStatus } from '../core/document/document-events.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { Store } from '../stores/store.ts';

export type DocumentProviderOptions = {
  /** The document that the app works on. Absent: an empty one is made. */
  readonly doc?: Doc | undefined;
  /** Absent: one is made for the document, and ended with the provider. */
  readonly awareness?: Awareness | undefined;
  /** Keeps the document, and what the server has not acknowledged, over reloads: `indexedDbStore()`, `fileStore(…)`. Absent: neither outlives the page. */
  readonly store?: OutboxStore | undefined;
  /** How long changes are gathered before they are sent, ms. Absent: 10. */
  readonly delayMs?: number | undefined;
  /** The least between two messages about where the user is, ms. Absent: 33. */
  readonly awarenessMs?: number | undefined;
  /** Whether it is followed at once. Absent: true; Lexical calls `connect()` itself. */
  readonly connect?: boolean | undefined;
  /** Opens documents that lie in this one when they are loaded: the parameters of the pattern, or a whole name; null: not this one. */
  readonly subdocument?: ((guid: string) => Params | string | null) | undefined;
};

/** What is not with the server yet. */
export type Saved = {
  /** Changes that no connection has. */
  readonly unsent: number;
  /** Changes that were sent, and not acknowledged at the level of the channel. */
  readonly unsaved: number;
  /** All is with the server. */
  readonly saved: boolean;
  /** Why changes are not sent any more: the server refused them, with a code of docs/errors.md. They stay in the document. */
  readonly refused: { readonly code: string; readonly detail: string } | null;
  /** Whether what is unsent outlives the page. */
  readonly durable: boolean;
};

/** A document as it is now: a new object for each change. */
export type DocumentInfo = {
  readonly status: DocumentStatus;
  /** Why it ended, or why it is not live although there is a line; else null. */
  readonly code: string | null;
  /** What to do, for people. */
  readonly detail: string;
  /** What the user may do; null before the server said so. */
  readonly role: Role | null;
  readonly saved: Saved;
};

/** What the provider tells, by name. `sync`, `status`, `update` and `reload` are those that editors' bindings know. */
export type DocumentEvents = {
  /** Whether everything that the server has is here. */
  sync: (isSynced: boolean) => void;
  status: (status: { readonly status: 'connected' | 'connecting' | 'disconnected' }) => void;
  /** The document changed, whoever changed it. */
  update: (update: Uint8Array) => void;
  /** Another document took the place of the one that was there: editors are to be bound to this one. */
  reload: (doc: Doc) => void;
  /** Anything that `info` says has changed. */
  change: (info: DocumentInfo) => void;
};

/** A version of a document. */
export type DocumentVersion = {
  readonly id: string;
  /** Null: made by itself. */
  readonly name: string | null;
  readonly atMs: number;
  /** Who made it; null: the server. */
  readonly by: string | null;
  readonly bytes: number;
};

export type VersionsPage = {
  /** Newest first. */
  readonly versions: readonly DocumentVersion[];
  /** The page behind this one begins behind this version; null: this was the last. */
  readonly next: string | null;
};

/** What leads from one state of a document to another, root by root. */
export type DocumentDiff = readonly {
  readonly root: string;
  /** Texts and XML as their text; maps and arrays as JSON text of each entry. */
  readonly kind: 'text' | 'xml' | 'map' | 'array';
  readonly parts: readonly { readonly op: 'same' | 'added' | 'removed'; readonly text: string }[];
}[];

/** Who wrote what a document shows: runs, by the names of its root types. `by` null: nobody who is known, or the server. */
export type DocumentAuthors = Readonly<
  Record<string, readonly { readonly by: string | null; readonly length: number; readonly text: string }[]>
>;

/** A document on the app's connection. Editors take `doc` and `awareness`. */
export interface DocumentProvider {
  /** The channel's name on the wire. */
  readonly channel: string;
  readonly doc: Doc;
  readonly awareness: Awareness;
  readonly status: DocumentStatus;
  readonly role: DocumentInfo['role'];
  readonly saved: Saved;
  /** All of it as a store: for React, Vue, Svelte and Solid. */
  readonly info: Store<DocumentInfo>;
  /** Whether everything that the server has is here. */
  readonly synced: boolean;
  /** Resolves with the first time that everything is here; rejects with the code where the server refuses for good, or it is closed before. */
  readonly whenSynced: Promise<void>;
  /** Resolves once what the store held is in the document; never rejects. */
  readonly whenLoaded: Promise<void>;
  /** Resolves once all is with the server; rejects with the code where it refuses, or the provider is closed before. */
  whenSaved(): Promise<void>;
  /** The user that a client id of the awareness is of, as the server knows them; undefined: it is not there, or one's own. */
  userOf(clientId: number): string | undefined;
  on<K extends keyof DocumentEvents>(type: K, listener: DocumentEvents[K]): void;
  off<K extends keyof DocumentEvents>(type: K, listener: DocumentEvents[K]): void;
  /** Follows the document: needed only behind `disconnect()`, where it ended, or with `connect: false`. */
  connect(): void;
  /** Follows it no more. What is changed stays, and is sent behind the next `connect()`. */
  disconnect(): void;
  /**
   * Throws away what the server does not have: `doc` is another one from then on, with what the server has, and `reload` tells it. For changes that were refused.
   */
  discard(): void;
  versions(options?: {
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  }): Promise<VersionsPage>;
  /** @returns its id */
  saveVersion(name: string): Promise<string>;
  /** @returns the whole document as it was, as an update for an empty Y.Doc */
  viewVersion(id: string): Promise<Uint8Array>;
  /** What changed between a version and another, or the document as it is. */
  diff(from: string, to?: string): Promise<DocumentDiff>;
  /** Makes the document what it was, by a change that everybody gets. */
  restore(id: string): Promise<void>;
  /** Who wrote what. */
  authors(): Promise<DocumentAuthors>;
  /** Gives the document up. With the last provider of it in this client it is followed no more; what is unsent stays in the store. Resolves once that can be opened again. */
  close(): Promise<void>;
}
