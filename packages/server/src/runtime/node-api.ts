import type { EdgeList, UserExport } from '../ports/directory.ts';
import type { DevicePatch, DeviceState, PresenceRecord } from '../ports/presence.ts';
import type { ClosingIntake } from '../ports/source.ts';
import type { Connection, Link } from '../ports/transport.ts';
import type { ChannelsApi } from './channels/channels-api.ts';
import type { TicketsApi } from './channels/tickets-api.ts';
import type { DocumentsApi } from './documents/documents-api.ts';
import type { Outcome } from './operation-outcome.ts';

export type { TicketRight, TicketsApi } from './channels/tickets-api.ts';
export type { Outcome, Particulars } from './operation-outcome.ts';

/** `cut_off`: the stores that it shares with other nodes are out of reach, and for so long that it may hold no clients. */
export type NodeState = 'starting' | 'ready' | 'cut_off' | 'draining' | 'stopped';

/** How much a node holds. After everything has gone, every number is zero. */
export type NodeCounts = {
  readonly connections: number;
  /** Those of them that are streams (SSE), that poll, and of clients of y-websocket and Hocuspocus; the others are our own WebSockets. */
  readonly streams: number;
  readonly polls: number;
  readonly yjs: number;
  readonly hocuspocus: number;
  readonly attached: number;
  readonly detached: number;
  readonly watchedUsers: number;
  readonly watchEdges: number;
  readonly timers: number;
  /** Channels that somebody on this node is subscribed to. */
  readonly channels: number;
  /** Pairs of a session and a channel. */
  readonly subscriptions: number;
  /** Calls of clients that are being served. */
  readonly calls: number;
  /** UTF-16 units held back for connections that do not read, presence apart. */
  readonly heldUnits: number;
};

/** What came of asking another node about a line of its. `silent`: it did not answer, or too many wait for answers. */
export type AskedLine =
  | { readonly result: 'answer'; readonly answer: unknown }
  | { readonly result: 'gone' }
  | { readonly result: 'silent' };

/** Requests about lines ([HTTP7]): each is answered by the node that the line lives at. */
export interface LinesApi {
  /** This node's name; another one in each life of the process. */
  readonly name: string;
  /** Who answers what other nodes ask about lines of this one. Called once. */
  serve(answer: (request: unknown) => Promise<unknown>): void;
  /** Never rejects. `request` and the answer travel as JSON. */
  ask(node: string, request: unknown, timeoutMs: number): Promise<AskedLine>;
}

/**
 * The one entry to a node: gateways, the HTTP API and the library drive the runtime through it and nothing else.
 * User ids are checked here; operations never throw and never reject.
 */
export interface RealtimeNode extends ChannelsApi {
  readonly state: NodeState;
  readonly lines: LinesApi;
  readonly tickets: TicketsApi;
  readonly documents: DocumentsApi;
  /** Takes events of other systems in, as `feeds` of the configuration says. What waits for the log when the node stops is `unavailable`. */
  readonly intake: ClosingIntake;
  counts(): NodeCounts;
  /** Takes up what an earlier life of the process left: sessions in their grace, devices, leases. */
  start(): Promise<void>;
  /** A gateway's new connection. */
  open(connection: Connection): Link;
  /**
   * Sends every client away with `bye`, their reconnects spread over the window, and takes no more. Sessions stay
   * resumable. The sockets close on their own time: the gateway's `close` waits for them.
   */
  drain(windowMs: number): Promise<void>;
  /** Ends timers and connections at once. Sessions stay resumable. */
  stop(): Promise<void>;

  createUser(user: string): Promise<Outcome<{ readonly created: boolean }>>;
  follow(user: string, other: string): Promise<Outcome<{ readonly changed: boolean }>>;
  unfollow(user: string, other: string): Promise<Outcome<{ readonly changed: boolean }>>;
  block(user: string, other: string): Promise<Outcome<{ readonly changed: boolean }>>;
  unblock(user: string, other: string): Promise<Outcome<{ readonly changed: boolean }>>;
  setClose(user: string, other: string, close: boolean): Promise<Outcome<{ readonly changed: boolean }>>;
  /** `refused` counts the edges left out because their follower follows `followsPerUser` already. */
  importEdges(
    edges: EdgeList,
  ): Promise<Outcome<{ readonly added: number; readonly users: number; readonly refused: number }>>;
  rosterOf(user: string): Promise<Outcome<readonly string[]>>;
  refreshRoster(user: string): Promise<Outcome>;

  /** The visible presence of a user, as everyone who follows them may see it. */
  presenceOf(user: string): Promise<Outcome<PresenceRecord>>;
  /** Sets the status of a device that no connection holds, for a time. `message` carries `s` and the fields. */
  setStatus(user: string, device: string, message: object, ttlMs: number): Promise<Outcome<DevicePatch>>;
  clearStatus(user: string, device: string): Promise<Outcome>;

  eraseUser(user: string): Promise<Outcome>;
  exportUser(user: string): Promise<
    Outcome<
      UserExport & {
        readonly presence: PresenceRecord;
        /** What each device says, by its name. */
        readonly devices: Readonly<Record<string, DeviceState>>;
        readonly sessions: number;
      }
    >
  >;
}
