import type { StandardSchema } from './standard-schema.ts';

/** What is kept of a channel; whatever is reached first ends a publication's time. */
export interface History {
  /** Publications at most. */
  readonly count?: number;
  /** ms a publication is kept. */
  readonly ageMs?: number;
  /** UTF-16 units of payloads at most; the newest publication is kept whatever its size. */
  readonly units?: number;
}

/** Publications on one channel, all publishers together: `perSecond` on average, `burst` at once. */
export interface PublishRate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * When a publication is acknowledged. `stored` (unless set): once it is synced to disk. `replicated`: once a replica of Redis has it.
 * `memory`: at once; it may be lost, and everyone is told.
 */
export type Durability = 'memory' | 'replicated' | 'stored';

/** What every kind of channel has. Defaults and bounds: `OPTION_BOUNDS` and docs/contract.md. */
interface ChannelOptions<Data extends StandardSchema> {
  /** What a payload must be. It is checked by the server alone. */
  readonly data: Data;
  /** The largest payload, UTF-16 units of its JSON text. */
  readonly payloadUnits?: number;
  readonly rate?: PublishRate;
  /** Whether joining and leaving is told, and who is in may be asked. */
  readonly members?: boolean;
  /** Whether the owner of a `{user}` channel may publish on it. Everywhere else an `authorize` rule decides. */
  readonly ownerPublishes?: boolean;
}

/** What channels have that may lie beside a document. */
interface BesideOption {
  /**
   * The pattern of a document, all of whose parameters this channel has too: who may `read` it may subscribe here, who may `comment`
   * may publish. No rule is asked.
   */
  readonly beside?: string;
}

/** What channels have that are kept. */
interface KeptOptions<Data extends StandardSchema> extends ChannelOptions<Data>, BesideOption {
  readonly history?: History;
  /** ms for which the id of a publication is known again: the same one publishes once. Feeds want a day or more. */
  readonly idempotencyMs?: number;
  readonly durability?: Durability;
  /** What becomes of publications for a connection that does not read. */
  readonly slow?: 'close' | 'drop-oldest' | 'conflate' | 'resync';
  /** UTF-16 units held for a connection that does not read, before `slow` acts. */
  readonly heldUnits?: number;
  /** Whether a publisher's own session is sent the payload too, unless the publication says otherwise. */
  readonly echo?: boolean;
}

export type StreamOptions<Data extends StandardSchema> = KeptOptions<Data>;

export interface MapOptions<Data extends StandardSchema> extends KeptOptions<Data> {
  /** Keys at most. */
  readonly keys?: number;
  /** ms after which a key is deleted, unless its publication says otherwise; unless set never. */
  readonly ttlMs?: number;
}

export interface SignalOptions<Data extends StandardSchema> extends ChannelOptions<Data>, BesideOption {
  /** The latest of each sender is sent at most once in so many ms. */
  readonly flushMs?: number;
}

/** A document that several people change at once. Sizes are bytes before base64. */
export interface DocumentOptions {
  readonly durability?: Durability;
  /** One update. */
  readonly updateBytes?: number;
  /** The whole document: an update that would make it more is refused. */
  readonly documentBytes?: number;
  /** Updates behind the snapshot before they are put into it. */
  readonly compactUpdates?: number;
  /** Bytes of updates behind the snapshot before they are put into it. */
  readonly compactBytes?: number;
  /** UTF-16 units of one awareness state as JSON text. */
  readonly awarenessUnits?: number;
  /** Awareness of one session. */
  readonly awarenessRate?: PublishRate;
  /** Awareness is sent at most once in so many ms, everybody's in one message. */
  readonly flushMs?: number;
  /** A version is made by itself where the document has changed for so long, ms; unless set an hour; 0: never. */
  readonly versionEveryMs?: number;
  /** Versions that were made by themselves; beyond it the oldest go. */
  readonly versions?: number;
  /** Named versions; one more is refused. */
  readonly namedVersions?: number;
  /** Updates on one document, all people together. */
  readonly rate?: PublishRate;
  /** Whether joining and leaving is told, and who is in may be asked. */
  readonly members?: boolean;
  /** UTF-16 units held for a connection that does not read, before it has to join anew. */
  readonly heldUnits?: number;
}

export type StreamDefinition<Data extends StandardSchema = StandardSchema> = StreamOptions<Data> & {
  readonly kind: 'stream';
};
export type MapDefinition<Data extends StandardSchema = StandardSchema> = MapOptions<Data> & {
  readonly kind: 'map';
};
export type SignalDefinition<Data extends StandardSchema = StandardSchema> = SignalOptions<Data> & {
  readonly kind: 'signal';
};

export type DocumentDefinition = DocumentOptions & {
  readonly kind: 'document';
  /** What a publication holds: an update of Yjs as base64. */
  readonly data: StandardSchema<string>;
};

export type ChannelDefinition = StreamDefinition | MapDefinition | SignalDefinition | DocumentDefinition;

/** An ordered history: what somebody missed is replayed. */
export function stream<Data extends StandardSchema>(options: StreamOptions<Data>): StreamDefinition<Data> {
  return { ...options, kind: 'stream' };
}

/** The latest value of each key: a snapshot, then its changes. */
export function map<Data extends StandardSchema>(options: MapOptions<Data>): MapDefinition<Data> {
  return { ...options, kind: 'map' };
}

/** What counts at the moment only: never stored, the latest of each sender. */
export function signal<Data extends StandardSchema>(options: SignalOptions<Data>): SignalDefinition<Data> {
  return { ...options, kind: 'signal' };
}

/** A document for Yjs, changed by many at once, with awareness, roles and versions. Who may what says an `authorize` rule, by a role. */
export function document(options: DocumentOptions = {}): DocumentDefinition {
  return { ...options, kind: 'document', data: UPDATE };
}

/** What an update holds only the server can tell. */
const UPDATE: StandardSchema<string> = {
  '~standard': {
    version: 1,
    vendor: 'carillon',
    validate: (value) =>
      typeof value === 'string' ? { value } : { issues: [{ message: 'expected an update as base64' }] },
  },
};
