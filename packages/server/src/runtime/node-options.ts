import type { Authenticator } from '../ports/auth.ts';
import type { Authorizer } from '../ports/authorizer.ts';
import type { Broker } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Directory } from '../ports/directory.ts';
import type { DocumentEngine } from '../ports/document-engine.ts';
import type { DocumentStore } from '../ports/documents.ts';
import type { Events } from '../ports/events.ts';
import type { Grants } from '../ports/grants.ts';
import type { Log } from '../ports/log.ts';
import type { Members } from '../ports/members.ts';
import type { PresenceStore } from '../ports/presence.ts';
import type { Revocations } from '../ports/revocations.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { SessionStore } from '../ports/sessions.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Tickets } from '../ports/tickets.ts';
import type { CompiledContract, Durability } from '../core/channel/channel-spec.ts';
import type { FieldSpec } from '../core/presence/fields.ts';
import type { StampSource } from '../core/presence/stamp.ts';
import type { Audience } from '../core/presence/visibility.ts';
import type { RateLimit } from '../core/session/message-rate.ts';
import type { OutboxLimits } from '../core/outbox/outbox.ts';
import type { CallHandler } from './channels/call-handler.ts';
import { type Feeds, NO_FEEDS } from './intake/feeds.ts';

/** The people a user follows, where the app keeps the roster itself. Blocks and close friends stay in the directory. */
export type FollowsOf = (user: string) => readonly string[] | Promise<readonly string[]>;

export type NodePorts = {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly auth: Authenticator;
  /** The other nodes that share the stores; null: there are none, and the stores are this node's own. */
  readonly cluster: Cluster | null;
  readonly sessions: SessionStore;
  readonly presence: PresenceStore;
  /** Who is in the channels of all nodes. */
  readonly members: Members;
  readonly directory: Directory;
  readonly broker: Broker;
  /** The history of channels by their durability. */
  readonly logs: Readonly<Record<Durability, Log>>;
  /** Snapshots and versions of documents by their durability; null: the contract has no documents. */
  readonly documents: Readonly<Record<Durability, DocumentStore>> | null;
  /** What knows the CRDT; null: the contract has no documents. */
  readonly engine: DocumentEngine | null;
  readonly authorizer: Authorizer;
  readonly grants: Grants;
  readonly tickets: Tickets;
  readonly revocations: Revocations;
  readonly events: Events;
  readonly telemetry: Telemetry;
  /** The time by which a session's absence is measured (`createSteadyTime`); shared with what notes it in the journal. */
  readonly steadyMs: () => number;
  /**
   * A stamp up to which this node has surely been sent every change of whom it watches: what clients name when they
   * resume.
   */
  readonly seen: () => number;
  /** Shared with the in-process presence store, so that a heartbeat's stamp lies above every change before it. */
  readonly stamps: StampSource;
};

export type NodeSettings = {
  readonly fields: readonly FieldSpec[];
  readonly audience: Audience;
  readonly followsOf: FollowsOf | null;
  /** Changes of one device within this time are merged into one. 0 merges nothing. */
  readonly conflateMs: number;
  /** How long a session waits for its client after the connection dropped. */
  readonly graceMs: number;
  readonly heartbeatMs: number;
  /** A connection without a login for this long is closed. */
  readonly loginTimeoutMs: number;
  /** What a delta sync goes back further than the client's stamp: what nodes' clocks may differ by. */
  readonly stampMarginMs: number;
  readonly messageRate: RateLimit;
  readonly outbox: OutboxLimits;
  /** Sessions that one user may begin; a resume begins none. Each shows friends an arrival, and its end a departure. */
  readonly newSessionRate: RateLimit;
  /** Live sessions and sessions in their grace of one user. */
  readonly sessionsPerUser: number;
  /** Devices that HTTP statuses hold, of one user. */
  readonly leasesPerUser: number;
  /** The longest time to live of a status set over HTTP. */
  readonly maxStatusTtlMs: number;
  readonly followsPerUser: number;
  readonly contract: CompiledContract;
  /** Who serves the calls of clients, by name. */
  readonly callHandlers: ReadonlyMap<string, CallHandler>;
  /** How events of other systems become publications. */
  readonly feeds: Feeds;
  readonly subscriptionsPerSession: number;
  /** Publications that may wait, for one connection, for validation, authorization or the log. */
  readonly publicationsInFlight: number;
  /** Calls of one session that are being served at once, and calls to one that wait for their answer. */
  readonly callsPerSession: number;
  /** How long the right given by an `authorize` rule lasts where the rule does not say, for publishing, ms. */
  readonly publishRightMs: number;
  /** How long a role on a document is kept that nobody can be asked about again, ms. */
  readonly roleKeptMs: number;
  /**
   * How often a node tells again who is in its documents, ms: a broker loses silently, and a node that died says nothing. What is not told
   * again goes a grace later.
   */
  readonly awarenessMs: number;
  /** How often the tops of channels are compared with the log's, ms: a broker loses silently. */
  readonly topCheckMs: number;
  /**
   * How often a slice of the watched users is read again, and one of the sessions that have a connection here, ms: a broker loses
   * silently. Not where the node is alone.
   */
  readonly presenceAuditMs: number;
  /** The longest grant, ms. */
  readonly maxGrantMs: number;
  /** How long a revoked token could still be good: revocations are kept for it, ms. */
  readonly revocationMs: number;
};

export const DEFAULT_SETTINGS = {
  conflateMs: 50,
  graceMs: 60_000,
  heartbeatMs: 30_000,
  loginTimeoutMs: 10_000,
  stampMarginMs: 2_000,
  messageRate: { perSecond: 50, burst: 100 },
  outbox: { heldControlUnits: 1024 * 1024, heldFriends: 2_000 },
  // At once, more than one user may hold: after a night's sleep each tab of theirs begins anew.
  newSessionRate: { perSecond: 1, burst: 100 },
  sessionsPerUser: 64,
  leasesPerUser: 16,
  maxStatusTtlMs: 24 * 60 * 60 * 1000,
  followsPerUser: 20_000,
  contract: { channels: [], calls: new Map(), clientCalls: new Map(), broadcasts: new Map() },
  callHandlers: new Map(),
  feeds: NO_FEEDS,
  subscriptionsPerSession: 256,
  publicationsInFlight: 64,
  callsPerSession: 64,
  publishRightMs: 60_000,
  roleKeptMs: 60_000,
  awarenessMs: 20_000,
  topCheckMs: 10_000,
  presenceAuditMs: 5_000,
  maxGrantMs: 24 * 60 * 60 * 1000,
  revocationMs: 30 * 24 * 60 * 60 * 1000,
} as const satisfies Partial<NodeSettings>;

export type NodeOptions = { readonly ports: NodePorts; readonly settings: NodeSettings };
