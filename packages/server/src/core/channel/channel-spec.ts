import type { Retention } from '../../ports/log.ts';
import type { RateLimit } from '../session/message-rate.ts';

export type ChannelKind = 'stream' | 'map' | 'signal' | 'document';

/** What becomes of publications for a connection that does not read: DESIGN word "slow consumer". */
export type SlowPolicy = 'close' | 'drop-oldest' | 'conflate' | 'resync';

/**
 * When a publication is acknowledged. `memory`: at once; it may be lost, and everyone is told. `replicated`: once a replica of Redis
 * has it. `stored`: once it is synced to disk.
 */
export type Durability = 'memory' | 'replicated' | 'stored';

/** What a document has beside what every channel has. Sizes are bytes before base64, unless they say otherwise. */
export type DocumentSpec = {
  /** One update. */
  readonly updateBytes: number;
  /** Snapshot and tail together: an update that would make it more is refused, and so is joining a larger one. */
  readonly documentBytes: number;
  /** The tail is put into the snapshot beyond so many updates, or where it has so many bytes, or a quarter of the snapshot's. */
  readonly compactUpdates: number;
  readonly compactBytes: number;
  /** UTF-16 units of one awareness state as JSON text. */
  readonly awarenessUnits: number;
  /** Awareness of one session. */
  readonly awarenessRate: RateLimit;
  /** A version is made by itself where the document has changed for so long, ms; null: never. */
  readonly versionEveryMs: number | null;
  /** Versions that were made by themselves; beyond it the oldest go. */
  readonly versions: number;
  /** Named versions; one more is refused. */
  readonly namedVersions: number;
};

/** What a schema says of a payload. `value` is what is published: a schema may fill in defaults or drop what it does not know. */
export type Validated =
  | { readonly ok: true; readonly value: unknown }
  /** `path`: where, as a JSON Pointer (RFC 6901); '' is the payload itself. */
  | { readonly ok: false; readonly path: string; readonly detail: string };

/** Never throws and never rejects. */
export type Validate = (value: unknown) => Validated | Promise<Validated>;

/** A pattern of the contract as the runtime works by it, defaults filled in. */
export type ChannelSpec = {
  /** As declared: `chat:{room}`. */
  readonly pattern: string;
  readonly kind: ChannelKind;
  readonly validate: Validate;
  readonly durability: Durability;
  readonly retention: Retention;
  readonly slow: SlowPolicy;
  /** UTF-16 units held of this channel for one connection that does not read, before the policy acts. */
  readonly heldUnits: number;
  /** The largest payload, UTF-16 units of its JSON text. */
  readonly payloadUnits: number;
  /** Publications on one channel, all publishers together. */
  readonly rate: RateLimit;
  /** Whether a publisher's own session is sent the payload too, unless the publication says otherwise. */
  readonly echo: boolean;
  /** Whether joining and leaving is told, and who is in may be asked. */
  readonly members: boolean;
  /** Whether the owner of a `{user}` channel may publish on it. Everywhere else a rule decides. */
  readonly ownerPublishes: boolean;
  /** Map: ms after which a key is deleted unless the publication says otherwise; null: never. */
  readonly ttlMs: number | null;
  /** Signal, and the awareness of a document: the latest of each is sent at most once in so many ms. */
  readonly flushMs: number;
  /** Of documents alone. */
  readonly document: DocumentSpec | null;
  /** The pattern of the document whose roles are the rights to this channel: `read` subscribes, `comment` publishes. Null: it has its own. */
  readonly beside: string | null;
};

/** What a call takes and gives, as the runtime works by it. */
export type CallSpec = {
  readonly name: string;
  readonly validateInput: Validate;
  readonly validateOutput: Validate;
  /** The errors it may answer with, by code. */
  readonly errors: ReadonlyMap<string, Validate>;
  /** The longest it may take, ms. */
  readonly timeoutMs: number;
};

/** A contract, compiled. */
export type CompiledContract = {
  readonly channels: readonly ChannelSpec[];
  /** Client to server. */
  readonly calls: ReadonlyMap<string, CallSpec>;
  /** Server to client. */
  readonly clientCalls: ReadonlyMap<string, CallSpec>;
  readonly broadcasts: ReadonlyMap<string, Validate>;
};
