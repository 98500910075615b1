import { DEFAULT_PRESENCE_FIELDS } from '@carillon/protocol';
import { type OwnStatus, type StatusPatch, NO_OWN_STATUS } from './own-status.ts';
import type { ConnectionChange, ConnectionReason, TimerName } from './events.ts';

/** A socket that is not open after this long will not be soon, ms. */
const OPEN_TIMEOUT_MS = 10_000;

/** What a client is told once. */
export type CoreSettings = {
  readonly username: string;
  /** Device name, or null: the session is the device. */
  readonly device: string | null;
  /** Whether asking for a login token again may give another one: true for a callback, false for a fixed token. */
  readonly renewable: boolean;
  /** The presence fields that the server is configured with; absent: the default ones. */
  readonly fields?: readonly string[];
  /** A socket that is not open after this long will not be soon, ms; absent: 10 s. Shorter where there is another way. */
  readonly openTimeoutMs?: number;
};

/** A connection that has its sync. */
export type LivePhase = {
  readonly name: 'live';
  readonly socket: number;
  readonly sinceMs: number;
  /** Interval at which the server asks `hb`. */
  readonly hbMs: number;
  /** For how long the session outlives the line. */
  readonly graceMs: number;
  /** When anything was last heard. */
  readonly heardMs: number;
  /** What the server's wall clock is ahead of `nowMs`; the client's own wall clock may be wrong by hours. */
  readonly serverAheadMs: number;
  /** When the `watch` timer was set, by both clocks, and for how long: one that fires late shows that the machine slept. */
  readonly tick: { readonly nowMs: number; readonly wallMs: number; readonly delayMs: number };
  /** The number of the probe that waits for its echo. */
  readonly probe: number | null;
  /** The renewal of the login token: being fetched, or sent and unanswered. */
  readonly renewal:
    | { readonly step: 'fetching'; readonly fetch: number }
    | { readonly step: 'sent'; readonly request: number; readonly token: string }
    | null;
};

/** A login on its way. */
export type LoginPhase = {
  readonly name: 'authenticating';
  readonly socket: number;
  readonly request: number;
  /** What of the own status the login carried. */
  readonly carried: StatusPatch;
  /** The newest ticket in what it carried; 0 for none. */
  readonly upTo: number;
  /** From the `token` message; the sync must follow before the connection counts. */
  readonly granted: {
    readonly at: number;
    readonly hbMs: number;
    readonly graceMs: number;
    readonly serverAheadMs: number;
  } | null;
  /** The session moves to a better line: for the app the connection goes on. */
  readonly moving: boolean;
};

export type Phase =
  /** Not started, or disconnected by the app. */
  | { readonly name: 'idle' }
  /** Ended for a reason that trying again does not mend. */
  | { readonly name: 'stopped'; readonly reason: ConnectionReason }
  /** Waits for a login token. */
  | { readonly name: 'fetching'; readonly fetch: number }
  | { readonly name: 'opening'; readonly socket: number }
  | LoginPhase
  | LivePhase
  /** A logout was sent; its answer or the close ends the phase. */
  | {
      readonly name: 'leaving';
      readonly socket: number;
      readonly request: number;
      /** Whether the connection was there, or a login still under way. */
      readonly wasLive: boolean;
    }
  /** Pauses before the next attempt; the server asked for none before `notBeforeMs`. */
  | {
      readonly name: 'waiting';
      readonly reason: ConnectionReason;
      readonly retryInMs: number;
      readonly notBeforeMs: number;
    };

export type ClientState = {
  readonly settings: Required<CoreSettings>;
  readonly phase: Phase;
  /** Timers that run. */
  readonly armed: readonly TimerName[];
  /**
   * The session to go on with: the newest resume token, and the stamp up to which the friends are known; null where
   * they are not, as after a reload of the page.
   */
  readonly resume: { readonly token: string; readonly at: number | null } | null;
  /** The session's id, for logs and support. */
  readonly session: string | null;
  /** The login token; `proven` once a login worked with it; when it runs out by `nowMs`, null where unknown. */
  readonly credential: {
    readonly token: string;
    readonly goodUntilMs: number | null;
    readonly proven: boolean;
  } | null;
  readonly own: OwnStatus;
  /** Attempts that failed since the last connection that was of use. */
  readonly failures: number;
  /** Login tokens in a row that were refused though they were fresh. */
  readonly refusals: number;
  /** The number last given to a socket, a fetch, a request or a probe. */
  readonly lastId: number;
};

export function initialState(settings: CoreSettings): ClientState {
  return {
    settings: { fields: DEFAULT_PRESENCE_FIELDS, openTimeoutMs: OPEN_TIMEOUT_MS, ...settings },
    phase: { name: 'idle' },
    armed: [],
    resume: null,
    session: null,
    credential: null,
    own: NO_OWN_STATUS,
    failures: 0,
    refusals: 0,
    lastId: 0,
  };
}

/** Phases in which there is a connection, or is to be one; of the others the app knows it as disconnected. */
const CONNECTING: readonly Phase['name'][] = ['fetching', 'opening', 'authenticating', 'leaving'];

/** The connection as the app sees it: connected only with token and sync. */
export function connectionOf(phase: Phase): ConnectionChange {
  const isConnected =
    phase.name === 'live' ||
    (phase.name === 'authenticating' && phase.moving) ||
    (phase.name === 'leaving' && phase.wasLive);
  const connecting = CONNECTING.includes(phase.name) ? 'connecting' : 'disconnected';
  return {
    status: isConnected ? 'connected' : connecting,
    reason: 'reason' in phase ? phase.reason : null,
    retryInMs: phase.name === 'waiting' ? phase.retryInMs : null,
  };
}
