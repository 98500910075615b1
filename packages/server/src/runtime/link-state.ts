import type { Role, UpMessage } from '@carillon/protocol';
import type { ChannelSpec } from '../core/channel/channel-spec.ts';
import type { Feed } from '../core/channel/feed.ts';
import type { MemberFeed } from '../core/channel/member-feed.ts';
import type { Matched } from '../core/channel/patterns.ts';
import type { ChannelRef, OutboundFrame } from '../core/outbox/frame.ts';
import type { PublicationNotice } from '../ports/broker.ts';
import { type Outbox, emptyOutbox } from '../core/outbox/outbox.ts';
import type { ViewMask } from '../core/presence/visibility.ts';
import type { PresenceRecord } from '../ports/presence.ts';
import { type DevicePace, newPace } from '../core/presence/device-pace.ts';
import type { Phase } from '../core/session/admission.ts';
import { type Pulse, newPulse } from '../core/session/heartbeat.ts';
import type { MessageRate } from '../core/session/message-rate.ts';
import type { Timer } from '../ports/clock.ts';
import type { AwarenessRoom } from './documents/awareness-room.ts';
import type { Connection } from '../ports/transport.ts';

/**
 * One connection as the runtime keeps it. There are many thousands that do nothing, so what few of them ever need is
 * null until then: an empty set costs 200 bytes.
 */
export type LinkState = {
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly rate: MessageRate;
  readonly pulse: Pulse;
  phase: Phase;
  /** Whether the outbox waits for the end of the turn. */
  dirty: boolean;
  session: LocalSession | null;
  /** Messages that came while the login was being checked. */
  queued: UpMessage[] | null;
  /** Users whose edge was edited while the roster was being read: to be read again before going live. */
  editedWhileJoining: Set<string> | null;
  /** The whole roster was edited while it was being read. */
  reloadWhileJoining: boolean;
  /** Counts the edits of edges, so that a reading of the roster can tell that one came in between. */
  edgeEdits: number;
  /** The edges that are being read again. */
  edgeReads: Map<string, EdgeRead> | null;
  /** How many times the whole roster is being read again. */
  rosterReads: number;
  /** The client named a protocol version, so it knows delta syncs. */
  knowsDelta: boolean;
  /** A rotated token whose arrival the client has not shown yet. */
  tokenUnshown: boolean;
  /** A heartbeat was asked after the token went out: its answer shows that the token arrived. */
  askedSinceToken: boolean;
  tokenExpiry: Timer | null;
  /** What it wants of channels, in order; null until it wants anything. */
  lanes: Lanes | null;
  /** Replays that wait for one another; null until one is asked for. */
  replayTurns: ReplayTurns | null;
};

/** An edge that is being read again, and shows nothing until then. */
export type EdgeRead = {
  /** The latest edit of it; an older reading must not overwrite a newer one. */
  edit: number;
  /** What was shown before the first edit; undefined where there was no edge. */
  readonly view: ViewMask | undefined;
  readonly record: PresenceRecord | undefined;
};

/** What holds back rapid changes of one device, whichever of its sessions makes them, or the HTTP API. */
export type DevicePacing = {
  readonly pace: DevicePace;
  timer: Timer | null;
  /**
   * Who made the held change last: they surely hold the device, whoever's end it is that lets the change out. An HTTP
   * status where one is part of it, for only that may hold the device without a session.
   */
  by: LocalSession | HttpStatus | null;
  /** Who waits for the held change to be applied. */
  awaiting: Waiting[] | null;
};

/** A status over HTTP: the device, and until when it holds, ms since the epoch. */
export type HttpStatus = { readonly user: string; readonly device: string; readonly expiresAtMs: number };

/** A request of a connection, or a call of the HTTP API with what the store said: null, or why it refused. */
export type Waiting =
  | { readonly link: LinkState; readonly request: number }
  | { settled(refusal: Error | null): void };

/** A device that an HTTP status holds. */
export type Lease = {
  readonly timer: Timer;
  readonly pacing: DevicePacing;
  /** When it runs out, ms since the epoch. */
  readonly expiresAtMs: number;
  /** `setting`: not answered by the store yet. `doubted`: nor then certain, for another node was asked about it meanwhile. */
  state: 'setting' | 'doubted' | 'set';
};

export function newPacing(): DevicePacing {
  return { pace: newPace(), timer: null, by: null, awaiting: null };
}

/** A session on this node: with a connection, or waiting for one. */
export type LocalSession = {
  readonly id: string;
  readonly user: string;
  readonly device: string;
  generation: number;
  link: LinkState | null;
  /** When it was left to its grace, by steady time; what an outage took is taken out of that. Of no meaning while attached. */
  detachedAtMs: number;
  /** When the login token runs out, ms since the epoch. */
  tokenExpiresAtMs: number | null;
  /** Counts the login tokens that were offered, and the newest that was taken: answers may come in any order. */
  tokensOffered: number;
  tokenTaken: number;
  /** The id of the login token (`jti`), by which it can be revoked; null where it has none. */
  tokenId: string | null;
  /** What the login token calls the user; null where it does not say, and behind a restart until the client is back. */
  name: string | null;
  /** When the login token was issued, ms since the epoch; null where it does not say. */
  issuedAtMs: number | null;
  /** Shared by the sessions of one device. */
  readonly pacing: DevicePacing;
  /** What it has to do with channels and calls; null until it has anything. */
  channels: SessionChannels | null;
  /** The store is being asked to end it. */
  ending: boolean;
  /** It is no session but a stream that a ticket opened: no store knows it, and nobody sees it. */
  isFollower: boolean;
};

export function newLink(connection: Connection, rate: MessageRate): LinkState {
  return {
    connection,
    outbox: emptyOutbox(),
    rate,
    pulse: newPulse(),
    phase: 'opened',
    dirty: false,
    session: null,
    queued: null,
    editedWhileJoining: null,
    reloadWhileJoining: false,
    edgeEdits: 0,
    edgeReads: null,
    rosterReads: 0,
    knowsDelta: false,
    tokenUnshown: false,
    askedSinceToken: false,
    tokenExpiry: null,
    lanes: null,
    replayTurns: null,
  };
}

export function newLocalSession(
  id: string,
  user: string,
  device: string,
  generation: number,
  pacing: DevicePacing,
): LocalSession {
  return {
    id,
    user,
    device,
    generation,
    link: null,
    detachedAtMs: 0,
    tokenExpiresAtMs: null,
    tokensOffered: 0,
    tokenTaken: 0,
    tokenId: null,
    name: null,
    issuedAtMs: null,
    pacing,
    channels: null,
    ending: false,
    isFollower: false,
  };
}

/** Whether what the connection watches is what it may watch: no edge is being read again. */
export function isSettled(link: LinkState): boolean {
  return link.edgeReads === null && link.rosterReads === 0;
}

/** Read through a function, because the phase may change during any `await`. */
export function isClosed(link: LinkState): boolean {
  return link.phase === 'closed';
}

/**
 * Whose turn it is to be sent a replay. A client that comes back subscribes to everything at once; where its line is
 * slower than the replays, all of them together would be more than may be held, and it would be closed as slow, come back and
 * be closed again. So each waits until what was sent before it has gone.
 */
export type ReplayTurns = { isTaken: boolean; readonly waiting: (() => void)[] };

/**
 * What a connection wants of channels, each channel's in the order in which it was sent ([PUB5]): a schema, a rule or a log
 * may take its time, and what was sent behind it must not overtake it.
 */
export type Lanes = { readonly tails: Map<string, Promise<void>>; waiting: number };

/** Signals of one channel that wait for its interval to pass: the latest of each session and key, as JSON text. */
export type SignalBatch = {
  readonly latest: Map<string, string>;
  timer: Timer | null;
  flushedAtMs: number;
  flushes: number;
};

/** A channel that somebody on this node is subscribed to, or about to be. */
export type HubChannel = ChannelRef & {
  readonly spec: ChannelSpec;
  readonly params: Readonly<Record<string, string>>;
  /** The name as JSON text, as it stands in every message. */
  readonly json: string;
  /** The document whose roles are the rights to it: itself, or what it lies beside. Undefined: no role says anything about it. */
  readonly document: string | undefined;
  readonly subscriptions: Set<Subscription>;
  /** Who is about to subscribe: the channel stays open for them. */
  pins: number;
  opening: Promise<void> | null;
  /** Null while opening, and for signals. */
  feed: Feed<PublicationNotice> | null;
  /** Came while the channel was opening. */
  backlog: PublicationNotice[];
  /** What was missed is being read from the log; what comes meanwhile waits in the feed. */
  reading: boolean;
  /** Something came meanwhile that the reading may not have seen. */
  readAgain: boolean;
  /** Runs while something that came early waits for what is before it. */
  reorder: Timer | null;
  /** Replays that were made for one and may serve the next, by where they begin and end. */
  readonly replays: Map<string, readonly OutboundFrame[]>;
  readonly signals: SignalBatch | null;
  /** Where people are in it; null of what is no document. */
  readonly awareness: AwarenessRoom | null;
  /** This node's sessions of each user that is in the channel; null where the contract declares no members. */
  readonly members: Map<string, number> | null;
  /** How many are in it on all nodes; null while opening, and where the contract declares no members. */
  memberFeed: MemberFeed | null;
};

/** Why a session may be subscribed, and until when. */
export type Right = {
  readonly by: 'owner' | 'rule' | 'grant';
  /** ms since the epoch; null: as long as the subscription lasts. */
  readonly untilMs: number | null;
  /** What they may do: of a document, and there of what lies beside one. Null elsewhere. */
  readonly role: Role | null;
};

export type RightResult =
  | { readonly ok: true; readonly right: Right }
  | {
      readonly ok: false;
      readonly code: 'forbidden' | 'grant_invalid' | 'unavailable';
      readonly detail: string;
    };

/** What a session may do with one document that is not its own, and with all that lies beside it. */
export type DocumentRole = {
  readonly session: LocalSession;
  readonly document: string;
  readonly matched: Matched;
  /** Null: nobody has said it yet, or it was taken away. */
  right: Right | null;
  /** Until when it holds without a question, ms since the epoch; longer while something is subscribed by it. */
  keptUntilMs: number;
  /** The last question, while it is under way. */
  asking: Promise<RightResult> | null;
  /** Counts the questions: an answer to any but the last counts no more. */
  questions: number;
  /** Nobody could be asked since then, and somebody is to be asked again at that time; monotonic ms. */
  unanswered: { readonly sinceMs: number; readonly retryAtMs: number } | null;
};

/** A frame that waits for the replay before it. */
export type Buffered = { readonly offset: number; readonly frame: OutboundFrame };

export type SubscriptionState =
  /** What was missed is being read; what comes meanwhile is kept behind it. `lost`: some of it was not kept, read again. */
  | { readonly name: 'joining'; readonly link: LinkState; readonly buffer: Buffered[]; lost: boolean }
  /** Publications behind `from` are sent. */
  | { readonly name: 'live'; readonly link: LinkState; readonly from: number }
  /** The client was told to subscribe again; nothing is sent until it does. */
  | { readonly name: 'stalled'; readonly link: LinkState }
  /** The session has no connection, or its client has not named the channel again yet. */
  | { readonly name: 'waiting' };

export type Subscription = {
  readonly session: LocalSession;
  readonly channel: HubChannel;
  state: SubscriptionState;
  right: Right;
  /** Document: the client ids that the session has named. */
  names: ReadonlySet<number>;
  /** Whether the user is counted among the members through it. */
  member: boolean;
};

/** What a session has to do with channels and calls. Null on sessions that have nothing. */
export type SessionChannels = {
  /** By channel. */
  readonly subscriptions: Map<string, Subscription>;
  /** Until when a rule lets the session publish, ms since the epoch, by channel. */
  readonly publishRights: Map<string, number>;
  /** What it may do with documents, by their name. */
  readonly roles: Map<string, DocumentRole>;
  /** Calls of the client that are being served, by connection and request: each connection numbers its own. */
  readonly served: Map<string, { cancel(): void }>;
  /** Calls of the server that wait for the client's answer, by their number. */
  readonly asked: Map<number, (reply: AskedReply) => void>;
  lastAsk: number;
};

/** What came of a call to a client. */
export type AskedReply =
  | { readonly kind: 'reply'; readonly d: unknown; readonly code: string | undefined }
  | { readonly kind: 'gone' };

export function channelsOf(session: LocalSession): SessionChannels {
  return (session.channels ??= {
    subscriptions: new Map(),
    publishRights: new Map(),
    roles: new Map(),
    served: new Map(),
    asked: new Map(),
    lastAsk: 0,
  });
}
