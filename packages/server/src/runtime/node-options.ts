import type { Authenticator } from '../ports/auth.ts';
import type { Broker } from '../ports/broker.ts';
import type { Clock } from '../ports/clock.ts';
import type { Directory } from '../ports/directory.ts';
import type { PresenceStore } from '../ports/presence.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { SessionStore } from '../ports/sessions.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { FieldSpec } from '../core/presence/fields.ts';
import type { StampSource } from '../core/presence/stamp.ts';
import type { Audience } from '../core/presence/visibility.ts';
import type { RateLimit } from '../core/session/message-rate.ts';
import type { OutboxLimits } from '../core/outbox/outbox.ts';

/** The people a user follows, where the app keeps the roster itself. Blocks and close friends stay in the directory. */
export type FollowsOf = (user: string) => readonly string[] | Promise<readonly string[]>;

export type NodePorts = {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly auth: Authenticator;
  readonly sessions: SessionStore;
  readonly presence: PresenceStore;
  readonly directory: Directory;
  readonly broker: Broker;
  readonly telemetry: Telemetry;
  /** The time by which a session's absence is measured (`createSteadyTime`); shared with what notes it in the journal. */
  readonly steadyMs: () => number;
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
} as const satisfies Partial<NodeSettings>;

export type NodeOptions = { readonly ports: NodePorts; readonly settings: NodeSettings };
