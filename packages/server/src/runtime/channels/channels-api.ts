import type { Role } from '@carillon/protocol';
import type { HistoryPage, MapPage, Position } from '../../ports/log.ts';
import type { ChannelKind } from '../../core/channel/channel-spec.ts';
import type { Outcome } from '../operation-outcome.ts';

/** A publication by the app itself, from the library or over HTTP. `data` is checked against the contract's schema. */
export type PublishRequest = {
  readonly channel: string;
  /** Absent only where `del` deletes a key. */
  readonly data?: unknown;
  readonly key?: string | undefined;
  readonly del?: boolean | undefined;
  readonly version?: number | undefined;
  readonly ttlMs?: number | undefined;
  /** Idempotency id: the same id publishes once. */
  readonly id?: string | undefined;
  /** What it answers: subscribers are told it with the publication ([PUB8]). */
  readonly ref?: string | undefined;
  readonly expect?: Position | undefined;
};

export type Published = Position & {
  /** It had been published before, at this position. */
  readonly duplicate: boolean;
  /** Map: the key has this version or a newer one, so nothing was published. */
  readonly outdated: boolean;
};

export type HistoryRequest = {
  readonly channel: string;
  readonly offset?: number | undefined;
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly sinceMs?: number | undefined;
};

export type ChannelInfo = {
  readonly channel: string;
  readonly pattern: string;
  readonly kind: ChannelKind;
  /** Null for signals, which have none. */
  readonly position: Position | null;
  /** Sessions that are subscribed. */
  readonly subscribers: number;
  /** Users in the channel; null where the contract declares no members. */
  readonly members: number | null;
};

export type SessionInfo = {
  readonly session: string;
  readonly user: string;
  readonly device: string;
  /** What its login token calls the user, where that says it and its node is there to tell. */
  readonly name?: string;
  readonly connected: boolean;
  readonly channels: readonly string[];
};

/** What one session answered to a call of the server. */
export type Answer =
  | { readonly session: string; readonly ok: true; readonly output: unknown }
  | {
      readonly session: string;
      readonly ok: false;
      /** `call_failed`: the client answered with an error of its own, named in `error`. */
      readonly code: 'deadline_exceeded' | 'session_unknown' | 'call_failed' | 'payload_invalid';
      readonly error: string | null;
      readonly data: unknown;
    };

/** What the app does with channels and calls: part of the one entry to a node. Never throws and never rejects. */
export interface ChannelsApi {
  publish(request: PublishRequest): Promise<Outcome<Published>>;
  history(request: HistoryRequest): Promise<Outcome<HistoryPage>>;
  entries(channel: string, after: string | null, limit: number): Promise<Outcome<MapPage>>;
  channelInfo(channel: string): Promise<Outcome<ChannelInfo>>;
  members(
    channel: string,
    after: string | null,
    limit: number,
  ): Promise<
    Outcome<{ readonly users: readonly string[]; readonly count: number; readonly next: string | null }>
  >;
  /** Channels that somebody is subscribed to, in their order. */
  channels(
    after: string | null,
    limit: number,
  ): Promise<Outcome<{ readonly channels: readonly string[]; readonly next: string | null }>>;
  broadcast(name: string, data: unknown): Promise<Outcome>;
  /**
   * Subscribes all sessions of a user, by an invitation with a grant.
   *
   * @param role of a document: what they may do with it; `read` unless given
   */
  subscribeUser(user: string, channel: string, ttlMs: number, role?: Role): Promise<Outcome>;
  unsubscribeUser(user: string, channel: string): Promise<Outcome>;
  /**
   * Signs the right of a user to subscribe, for an app that hands it to the client itself.
   *
   * @param role of a document: what they may do with it; `read` unless given
   */
  grant(
    user: string,
    channel: string,
    ttlMs: number,
    role?: Role,
  ): Promise<Outcome<{ readonly grant: string; readonly expiresAtMs: number }>>;
  /**
   * What somebody may do with a document has changed: the rule is asked again on every node, for what lies beside the document too. Once
   * it is answered ok, nobody has more than the rule said then. Roles that grants gave stay until those end.
   *
   * @param user null: everybody who is in the document
   */
  recheckRole(user: string | null, channel: string): Promise<Outcome>;
  /** Ends the connections of a user; with `session`, that one. The sessions can be resumed. */
  disconnect(user: string, session?: string): Promise<Outcome<{ readonly disconnected: number }>>;
  /** Logins that were issued up to now, or the one token: refused from now on, their open sessions ended. */
  revoke(
    target: { readonly user: string } | { readonly user: string; readonly tokenId: string },
  ): Promise<Outcome>;
  sessionsOf(user: string): Promise<Outcome<readonly SessionInfo[]>>;
  session(id: string): Promise<Outcome<SessionInfo>>;
  /** Calls a session, or all of a user's that are connected; one answer each. */
  ask(
    target: { readonly session: string } | { readonly user: string },
    name: string,
    input: unknown,
    timeoutMs?: number,
  ): Promise<Outcome<readonly Answer[]>>;
}
