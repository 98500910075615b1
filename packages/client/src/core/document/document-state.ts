import type { Role } from '@carillon/protocol';
import type { Position } from '../channels/channel-events.ts';
import type { RefusalCode, Turn } from '../events.ts';
import type { DocumentEffect, DocumentSettings, Replica } from './document-events.ts';

export type DocumentPhase =
  /** The store is being read. */
  | { readonly name: 'loading' }
  /** The app does not want it now. */
  | { readonly name: 'resting' }
  /** For a line. */
  | { readonly name: 'waiting' }
  | { readonly name: 'subscribing'; readonly ask: number }
  /** The server said where the document stands; what is missed is coming. */
  | {
      readonly name: 'joining';
      readonly top: Position;
      /** The number of the state that is to come; null: none, or it is here. */
      state: number | null;
    }
  | { readonly name: 'live' }
  | { readonly name: 'paused'; readonly untilMs: number; readonly code: string; readonly detail: string }
  | { readonly name: 'ended'; readonly code: string; readonly detail: string };

/** Where the replica stands in the channel. */
export type DocumentPlace =
  | { readonly name: 'unknown' }
  | { readonly name: 'at'; readonly epoch: string; offset: number };

/** Changes of one's own that the server has not acknowledged: one or several, merged. */
export type Pending = {
  readonly ids: readonly number[];
  readonly update: Uint8Array;
  /** How often it was merged. */
  readonly level: number;
};

/** What is on its way to the server. */
export type Flight = {
  readonly pending: readonly Pending[];
  readonly full: boolean;
  readonly parts: readonly string[];
  /** The part that is under way. */
  next: number;
  /** The request that it is under way as. */
  ask: number;
};

/** A question of the app's about versions. */
export type Question = {
  readonly ticket: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly reads: boolean;
};

/** A state whose parts are coming. `ticket`: who asked for it; null: it is the document's own. */
export type StateParts = { readonly ticket: number | null; readonly parts: Uint8Array[] };

/** All that is known of one document, worked on in place. */
export type DocumentMachine = {
  readonly settings: DocumentSettings;
  readonly replica: Replica;
  phase: DocumentPhase;
  place: DocumentPlace;
  role: Role | null;
  turn: Turn;
  effects: DocumentEffect[];
  line: 'live' | 'down' | RefusalCode;
  /** Whether the app wants it. */
  follows: boolean;
  /** Whether the replica may have something that the server has not, and that is not pending. */
  unsure: boolean;
  /** What the server has, as it said last: a state vector; at first that of nothing. */
  vector: Uint8Array;
  /** While unsure: what the server sent, from which it shows what it knows to be deleted. */
  seen: Uint8Array[];
  pending: Pending[];
  flight: Flight | null;
  /** When what is pending may go, by `nowMs`. */
  flushAtMs: number;
  /** Nothing is sent: the server refused. */
  refused: { readonly code: string; readonly detail: string } | null;
  /** Each change for itself: merged they were too large. */
  singly: boolean;
  /** Request ids of updates sent on this line, the last few: by them the server names one's own. */
  ownRequests: number[];
  /** Times in a row that the server could not carry out what was asked, or that what came did not fit. */
  failures: number;
  heals: number;
  /** Times in a row that the server lacked what an update builds on. */
  gaps: number;
  states: Map<number, StateParts>;
  questions: Map<number, Question>;
  awareness: {
    /** JSON text; null: nowhere. */
    state: string | null;
    clock: number;
    /** Whether the server has not been told. */
    stale: boolean;
    /** The request that tells it; 0: none. */
    ask: number;
    freeAtMs: number;
  };
  /** Whether the present client id may turn out to be another's: the server has acknowledged nothing of it, and it was not given up yet. */
  mayRewrite: boolean;
  /** Client ids that were given up in a row. */
  renames: number;
  lastAsk: number;
  alarmAtMs: number | null;
};

export function newDocumentMachine(settings: DocumentSettings, replica: Replica): DocumentMachine {
  return {
    settings,
    replica,
    phase: { name: 'loading' },
    place: { name: 'unknown' },
    role: null,
    turn: { nowMs: 0, wallMs: 0, random: 0 },
    effects: [],
    line: 'down',
    follows: true,
    unsure: false,
    vector: new Uint8Array([0]),
    seen: [],
    pending: [],
    flight: null,
    flushAtMs: 0,
    refused: null,
    singly: false,
    ownRequests: [],
    failures: 0,
    heals: 0,
    gaps: 0,
    states: new Map(),
    questions: new Map(),
    awareness: { state: null, clock: 0, stale: false, ask: 0, freeAtMs: 0 },
    mayRewrite: true,
    renames: 0,
    lastAsk: 0,
    alarmAtMs: null,
  };
}

/** The last publication that is in the replica, with all before it; null where that is not known. */
export function positionOf({ place }: DocumentMachine): Position | null {
  return place.name === 'at' ? { epoch: place.epoch, offset: place.offset } : null;
}
