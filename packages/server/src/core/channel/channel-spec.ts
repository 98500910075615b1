import type { Retention } from '../../ports/log.ts';
import type { RateLimit } from '../session/message-rate.ts';

export type ChannelKind = 'stream' | 'map' | 'signal';

/** What becomes of publications for a connection that does not read: DESIGN word "slow consumer". */
export type SlowPolicy = 'close' | 'drop-oldest' | 'conflate' | 'resync';

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
  /** `memory`: lost with the process, and everyone is told. `stored`: acknowledged once synced to disk. */
  readonly durability: 'memory' | 'stored';
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
  /** Signal: the latest of each is sent at most once in so many ms. */
  readonly flushMs: number;
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
