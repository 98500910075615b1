import type { Err, Ok } from '@carillon/protocol';
import type { RefusalCode, Turn } from '../events.ts';
import type { ChannelEffect, Refusal } from './channel-events.ts';
import { type Pace, newPace } from './pace.ts';
import type { Subscription } from './subscription.ts';

/** What the channels of a client are told once. */
export type ChannelSettings = {
  readonly username: string;
  /** Publications, calls and readings that wait at most, and the bytes of what they carry. */
  readonly queueCount: number;
  readonly queueBytes: number;
  /** The largest message that the server takes, bytes: one more and it closes the connection for good ([MSG4]). */
  readonly messageBytes: number;
};

/** Something that is asked of the server and gets one reply. It waits in a lane, is sent, and may be sent again. */
export type Request = {
  /** The message; null where nobody wants it any more. Asked each time that it is about to be sent. */
  text(machine: Machine, id: number): string | null;
  onSent?(machine: Machine, id: number): void;
  onOk?(machine: Machine, reply: Ok): void;
  /** Refused, and not just for now by a limit: then it is sent again without a word. */
  onErr?(machine: Machine, reply: Err): void;
  /** The line went, or was never there. @returns whether it waits for the next one; absent: it does not */
  onDown?(machine: Machine, wasSent: boolean): boolean;
  /** The client stopped or forgot everything. */
  onOver?(machine: Machine, code: RefusalCode): void;
  /** It has an end of its own. Of others a reply that does not come shows that the line is of no use. */
  readonly ends?: true;
  /** Signals: a later one of this key takes the place of one that waits. */
  readonly latest?: { readonly key: string; supersede(machine: Machine): void };
};

/** Requests that go out in their order, so many at a time. */
export type Lane = {
  queue: Request[];
  /** Sent and not answered. */
  flying: number;
  readonly width: number;
  readonly pace: Pace;
};

export function newLane(width: number): Lane {
  return { queue: [], flying: 0, width, pace: newPace() };
}

export type Flight = { readonly request: Request; readonly lane: Lane; readonly sentAtMs: number };

export type Line =
  /** `stopped`: there will be none before the app acts, and why. */
  | { readonly name: 'down'; readonly stopped: RefusalCode | null }
  | { readonly name: 'live'; readonly socket: number; readonly session: string | null };

/** Subscriptions and readings under way at once: fewer than all that may be, so that publications have their turn. */
const REQUESTS_AT_ONCE = 24;

/** As many as the server serves at once for one session ([CALL4]). */
const CALLS_AT_ONCE = 64;

/** All that the channels know, worked on in place: what runs for each message copies nothing. */
export type Machine = {
  readonly settings: ChannelSettings;
  line: Line;
  turn: Turn;
  effects: ChannelEffect[];
  readonly subscriptions: Map<string, Subscription>;
  /** Those that wait for the end of a pause. */
  readonly paused: Set<Subscription>;
  readonly requests: Lane;
  readonly calls: Lane;
  /** Publications by channel, one at a time: what is refused for now must not be overtaken by what was behind it. */
  readonly publishing: Map<string, Lane>;
  /** Lanes in which something waits; who was served last stands last. */
  readonly waiting: Set<Lane>;
  /** Of the whole connection, beside that of each lane. */
  readonly pace: Pace;
  lastRefusal: { readonly lane: Lane; readonly untilMs: number } | null;
  /** By request id, in the order in which they were sent. */
  readonly flights: Map<number, Flight>;
  /** The large message that is under way; see `LARGE_UNITS` of lanes.ts. */
  large: number | null;
  /** When calls are over, by `nowMs`: by ticket. */
  readonly deadlines: Map<number, Deadline>;
  /** Calls of the server that are being served, by the number that the app answers with. */
  readonly served: Map<number, ServedCall>;
  lastServed: number;
  /** What waits of the app's. */
  queuedCount: number;
  queuedBytes: number;
  /** The request id last given. Odd: even ones are the connection's. */
  lastRequest: number;
  /** Publications so far; part of their ids. */
  publications: number;
  alarmAtMs: number | null;
};

/**
 * What is built on channels and comes as an entry of its own has its requests among theirs: one pace, one large message under way, one count of what
 * a change of the line would cost.
 */
export type Visit = { readonly type: 'visit'; run(machine: Machine): void };

export type Deadline = {
  readonly atMs: number;
  over(machine: Machine, code: 'deadline_exceeded' | 'cancelled'): void;
};

export type ServedCall = {
  /** The server's request id. */
  readonly request: number;
  /** When the server no longer waits, by `nowMs`. */
  readonly overAtMs: number;
};

export function newMachine(settings: ChannelSettings): Machine {
  return {
    settings,
    line: { name: 'down', stopped: null },
    turn: { nowMs: 0, wallMs: 0, random: 0 },
    effects: [],
    subscriptions: new Map(),
    paused: new Set(),
    requests: newLane(REQUESTS_AT_ONCE),
    calls: newLane(CALLS_AT_ONCE),
    publishing: new Map(),
    waiting: new Set(),
    pace: newPace(),
    lastRefusal: null,
    flights: new Map(),
    large: null,
    deadlines: new Map(),
    served: new Map(),
    lastServed: 0,
    queuedCount: 0,
    queuedBytes: 0,
    lastRequest: -1,
    publications: 0,
    alarmAtMs: null,
  };
}

/** Sends a message that gets no reply, where there is a line. */
export function say({ line, effects }: Machine, text: string): void {
  if (line.name === 'live') effects.push({ do: 'send', socket: line.socket, text });
}

export function resolve(machine: Machine, ticket: number, value: unknown): void {
  machine.effects.push({ do: 'resolve', ticket, value });
}

export function reject(machine: Machine, ticket: number, refusal: Refusal): void {
  machine.effects.push({ do: 'reject', ticket, refusal });
}

/** A refusal of the client's own. @param unknown whether it may have been carried out all the same */
export function refusal(code: Refusal['code'], detail = '', unknown = false): Refusal {
  return { code, detail, unknown };
}

/** What the server refused. A server newer than the client may name a code that it does not know. */
export function refusalOf({ code, m, retryAfterMs, path, e, o, n, d }: Err): Refusal {
  return {
    code: code as Refusal['code'],
    detail: m,
    // Of these alone nobody can tell ([CALL2]); a server that failed may have done so at the very end.
    unknown: code === 'deadline_exceeded' || code === 'cancelled' || code === 'internal',
    retryAfterMs,
    path,
    position: e === undefined || o === undefined ? undefined : { epoch: e, offset: o },
    error: n,
    data: d,
  };
}
