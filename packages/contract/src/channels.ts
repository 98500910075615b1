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

/** What channels have that are kept. */
interface KeptOptions<Data extends StandardSchema> extends ChannelOptions<Data> {
  readonly history?: History;
  /** ms for which the id of a publication is known again: the same one publishes once. Feeds want a day or more. */
  readonly idempotencyMs?: number;
  /** `stored` (unless set): acknowledged once synced to disk. `memory`: lost with the process, and everyone is told. */
  readonly durability?: 'memory' | 'stored';
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

export interface SignalOptions<Data extends StandardSchema> extends ChannelOptions<Data> {
  /** The latest of each sender is sent at most once in so many ms. */
  readonly flushMs?: number;
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

export type ChannelDefinition = StreamDefinition | MapDefinition | SignalDefinition;

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
