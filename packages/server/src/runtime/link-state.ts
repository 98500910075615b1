import type { UpMessage } from '@carillon/protocol';
import { type Outbox, emptyOutbox } from '../core/outbox/outbox.ts';
import { type DevicePace, newPace } from '../core/presence/device-pace.ts';
import type { Phase } from '../core/session/admission.ts';
import { type Pulse, newPulse } from '../core/session/heartbeat.ts';
import type { MessageRate } from '../core/session/message-rate.ts';
import type { Timer } from '../ports/clock.ts';
import type { Connection } from '../ports/transport.ts';
import type { Lanes } from './channels/lanes.ts';
import type { SessionChannels } from './channels/subscription.ts';

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
  /** The latest edit of each edge that is being read again; an older read must not overwrite a newer one. */
  edgeReads: Map<string, number> | null;
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
export type Lease = { timer: Timer; readonly pacing: DevicePacing };

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
  /** When the login token runs out, ms since the epoch. */
  tokenExpiresAtMs: number | null;
  /** Counts the login tokens that were offered, and the newest that was taken: answers may come in any order. */
  tokensOffered: number;
  tokenTaken: number;
  /** The id of the login token (`jti`), by which it can be revoked; null where it has none. */
  tokenId: string | null;
  /** Shared by the sessions of one device. */
  readonly pacing: DevicePacing;
  /** What it has to do with channels and calls; null until it has anything. */
  channels: SessionChannels | null;
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
    tokenExpiresAtMs: null,
    tokensOffered: 0,
    tokenTaken: 0,
    tokenId: null,
    pacing,
    channels: null,
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
