import type {
  AnswerErrors,
  AnswerOutput,
  BroadcastInput,
  BroadcastNames,
  CallDefinition,
  CallInput,
  ChannelPatterns,
  ClientCallsOf,
  Contract,
  DocumentPatterns,
  MapPatterns,
  ParamsOf,
  PublishedData,
  ReceivedData,
  StreamPatterns,
} from '@carillon/contract';
import type { Role } from '@carillon/protocol';
import type { Position } from '../../ports/log.ts';
import type { ChannelInfo, ChannelsApi, Published } from '../../runtime/channels/channels-api.ts';
import type { Outcome } from '../../runtime/node-api.ts';
import type { DocumentApi } from './document-api.ts';

/** What may be said beside the payload. */
export type PublishOptions = {
  /** Idempotency id: the same id publishes once. */
  readonly id?: string;
  /** What the publication answers, 1 to 128 characters: the app's own name for a change. Clients are told it ([PUB8]). */
  readonly ref?: string;
  /** Only at this position of the channel: otherwise `conflict`, with the present one. */
  readonly expect?: Position;
};

export type MapPublishOptions = PublishOptions & {
  readonly key: string;
  /** Dropped where the key has this version or a higher one. */
  readonly version?: number;
  /** The key is deleted after so many ms. */
  readonly ttlMs?: number;
};

export type SignalPublishOptions = {
  /** What conflates with what. */
  readonly key?: string;
};

/** What stands behind the payload: of a map the key must. Where the contract is not known any nearer, it may. */
type Behind<C extends Contract, Pattern extends ChannelPatterns<C>> =
  Pattern extends MapPatterns<C>
    ? Pattern extends StreamPatterns<C>
      ? [options?: Partial<MapPublishOptions>]
      : [options: MapPublishOptions]
    : Pattern extends StreamPatterns<C>
      ? [options?: PublishOptions]
      : [options?: SignalPublishOptions];

/** What stands behind a grant for a document: the role that it gives. */
type RoleFor<C extends Contract, Pattern extends ChannelPatterns<C>> =
  Pattern extends DocumentPatterns<C> ? [role?: Exclude<Role, 'none'>] : [];

/** Patterns of channels that are kept. */
export type KeptPatterns<C extends Contract> = StreamPatterns<C> | MapPatterns<C>;

/**
 * A publication as it was kept. `data` is what the schema of the contract of its day made of it: an older one is not checked
 * again.
 */
export type KeptPublication<Data> = {
  readonly offset: number;
  /** When it was taken, ms since the epoch. */
  readonly atMs: number;
  /** Who published it; null: the server. */
  readonly by: string | null;
  /** Null where a key was deleted. */
  readonly data: Data | null;
  /** Of a map the key, of a stream null. */
  readonly key: string | null;
  readonly version: number | null;
  /** What it answers; null: nothing. */
  readonly ref: string | null;
};

export type KeptEntry<Data> = KeptPublication<Data> & { readonly key: string; readonly data: Data };

export type HistoryOptions = {
  /** Behind this offset, with `reverse` before it; unless given from that end. */
  readonly offset?: number;
  readonly reverse?: boolean;
  /** At most 1,000; unless given 100. */
  readonly limit?: number;
  /** Only what was taken at or after this time, ms since the epoch. */
  readonly sinceMs?: number;
};

export type PageOptions = {
  /** The page begins behind this one. */
  readonly after?: string | null;
  /** At most 1,000; unless given 100. */
  readonly limit?: number;
};

/** What one session answered to a call of the server. */
export type AnswerOf<Call extends CallDefinition> = { readonly session: string } & (
  | { readonly ok: true; readonly output: AnswerOutput<Call> }
  | { readonly ok: false; readonly code: 'deadline_exceeded' | 'session_unknown' | 'payload_invalid' }
  | {
      readonly ok: false;
      readonly code: 'call_failed';
      /** One of the errors that the contract declares. */
      readonly error: AnswerErrors<Call>;
    }
);

/**
 * What an app does with its channels and calls, in the words of its contract. Nothing here throws or rejects: each answers with
 * a value, or with a code of docs/errors.md.
 */
export type ContractApi<C extends Contract> = Pick<
  ChannelsApi,
  'disconnect' | 'revoke' | 'sessionsOf' | 'session'
> & {
  publish<Pattern extends ChannelPatterns<C>>(
    pattern: Pattern,
    params: ParamsOf<Pattern>,
    data: PublishedData<C, Pattern>,
    ...behind: Behind<C, Pattern>
  ): Promise<Outcome<Published>>;
  /** Deletes a key of a map. */
  deleteKey<Pattern extends MapPatterns<C>>(
    pattern: Pattern,
    params: ParamsOf<Pattern>,
    key: string,
    options?: Omit<MapPublishOptions, 'key' | 'ttlMs'>,
  ): Promise<Outcome<Published>>;
  history<Pattern extends KeptPatterns<C>>(
    pattern: Pattern,
    params: ParamsOf<Pattern>,
    options?: HistoryOptions,
  ): Promise<
    Outcome<{
      readonly top: Position;
      readonly publications: readonly KeptPublication<ReceivedData<C, Pattern>>[];
      readonly more: boolean;
    }>
  >;
  /** A page of a map's keys, in their order. */
  entries<Pattern extends MapPatterns<C>>(
    pattern: Pattern,
    params: ParamsOf<Pattern>,
    options?: PageOptions,
  ): Promise<
    Outcome<{
      readonly top: Position;
      readonly entries: readonly KeptEntry<ReceivedData<C, Pattern>>[];
      readonly next: string | null;
    }>
  >;
  channelInfo<Pattern extends ChannelPatterns<C>>(
    pattern: Pattern,
    params: ParamsOf<Pattern>,
  ): Promise<Outcome<ChannelInfo>>;
  /** A page of the users in a channel whose contract says `members`. */
  members<Pattern extends ChannelPatterns<C>>(
    pattern: Pattern,
    params: ParamsOf<Pattern>,
    options?: PageOptions,
  ): Promise<
    Outcome<{ readonly users: readonly string[]; readonly count: number; readonly next: string | null }>
  >;
  /** A document, for what the app itself does with it. */
  document<Pattern extends DocumentPatterns<C>>(pattern: Pattern, params: ParamsOf<Pattern>): DocumentApi;
  /** Tells everybody who is connected. */
  broadcast<Name extends BroadcastNames<C>>(name: Name, data: BroadcastInput<C, Name>): Promise<Outcome>;
  /** Calls a session, or all of a user's that are connected; one answer each. */
  ask<Name extends keyof ClientCallsOf<C> & string>(
    target: { readonly session: string } | { readonly user: string },
    name: Name,
    input: CallInput<ClientCallsOf<C>[Name]>,
    options?: { readonly timeoutMs?: number },
  ): Promise<Outcome<readonly AnswerOf<ClientCallsOf<C>[Name]>[]>>;
  /** Signs the right of a user to subscribe, for an app that hands it to the client itself; of a document with a role, `read` unless given. */
  grant<Pattern extends ChannelPatterns<C>>(
    user: string,
    pattern: Pattern,
    params: ParamsOf<Pattern>,
    ttlMs: number,
    ...role: RoleFor<C, Pattern>
  ): Promise<Outcome<{ readonly grant: string; readonly expiresAtMs: number }>>;
  /** Subscribes all sessions of a user, by an invitation with a grant; to a document with a role, `read` unless given. */
  subscribeUser<Pattern extends ChannelPatterns<C>>(
    user: string,
    pattern: Pattern,
    params: ParamsOf<Pattern>,
    ttlMs: number,
    ...role: RoleFor<C, Pattern>
  ): Promise<Outcome>;
  /**
   * What somebody may do with a document has changed: the rule is asked again on every node, for what lies beside the document too. Once
   * it is answered ok, nobody has more than the rule said then. Roles that grants gave stay until those end.
   *
   * @param user null: everybody who is in the document
   */
  recheckRole<Pattern extends DocumentPatterns<C>>(
    user: string | null,
    pattern: Pattern,
    params: ParamsOf<Pattern>,
  ): Promise<Outcome>;
  unsubscribeUser<Pattern extends ChannelPatterns<C>>(
    user: string,
    pattern: Pattern,
    params: ParamsOf<Pattern>,
  ): Promise<Outcome>;
};
