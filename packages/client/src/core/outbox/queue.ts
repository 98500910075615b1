import type { Turn } from '../events.ts';
import type { Refusal } from '../channels/channel-events.ts';
import { type Pace, newPace } from '../channels/pace.ts';
import {
  type DurableRequest,
  type OutboxEffect,
  type OutboxItem,
  type OutboxMessage,
  type OutboxState,
  isPublication,
} from './outbox-events.ts';
import type { StoredEntry } from './stored-entry.ts';

/** What an outbox is told once. */
export type OutboxSettings = {
  /** Entries that wait at most, and the bytes that they take in the store. */
  readonly count: number;
  readonly bytes: number;
  /** Entries that were rejected, or are unknown, and not dismissed: beyond it the oldest are forgotten. */
  readonly kept: number;
  /** The largest message that the server takes, bytes. */
  readonly messageBytes: number;
  /** How long behind its first sending the server surely knows a number, ms ([PUB7]). */
  readonly sureMs: number;
};

/** Something in the queue. */
export type Entry = {
  readonly number: number;
  readonly request: DurableRequest;
  readonly bytes: number;
  readonly atMs: number;
  /** When it may first have been sent, ms since the epoch; null: never. */
  firstMs: number | null;
  /** The queue in which it is sent; empty: the store does not say yet that it is. */
  queue: string;
  /** It was sent at most once, and by this outbox: a server that knows its number already knows it from another. */
  fresh: boolean;
  /** Attempts that failed in a way that says nothing. */
  tries: number;
  /** How it ended, while that is on its way into the store. */
  ending: { readonly state: 'rejected' | 'unknown'; readonly refusal: Refusal } | null;
  /** How it ended, where it is kept to be looked at. */
  state: 'rejected' | 'unknown' | null;
  refusal: Refusal | null;
};

/** The entries of one channel, or all calls: one under way at a time, in the order of their numbers. */
export type OutboxLane = {
  readonly waiting: Entry[];
  /** How many more are on their way into the store. */
  adding: number;
  /** The first of them is about to be marked, or under way. */
  busy: boolean;
  /** The number under which it was handed over; null: not yet. */
  hand: number | null;
  readonly pace: Pace;
};

/** All that an outbox knows, worked on in place. */
export type Queue = {
  readonly settings: OutboxSettings;
  turn: Turn;
  effects: OutboxEffect[];
  readonly entries: Map<number, Entry>;
  readonly lanes: Map<string, OutboxLane>;
  /** On its way into the store, by ticket. */
  readonly adding: Map<number, { readonly stored: StoredEntry; readonly bytes: number; fresh: boolean }>;
  /** Who waits for an entry, by its number. */
  readonly tickets: Map<number, number>;
  /** Somebody waits for them, a look found them gone, and nobody has said what came of them. */
  readonly orphans: Set<number>;
  /** Heard of a number that may be one of `adding`. */
  readonly early: Map<number, OutboxMessage>;
  /** Entries that have ended and may still be found in the store: a look may be older than their end. */
  readonly gone: Set<number>;
  /** What waits: entries that have not ended and those of `adding`. */
  count: number;
  bytes: number;
  /** The id under which new entries are sent. */
  id: string;
  /** Every entry with a number up to this is known: one that others added must not be overtaken within its lane. */
  seen: number;
  /** Whether the store was read since this outbox leads. */
  ready: boolean;
  looking: boolean;
  /** Something happened since the look began: it must be done again. */
  lookAgain: boolean;
  /** What the look that is under way finds is not enough to lead by. */
  stale: boolean;
  /** `alone`: no other outbox sends. */
  role: 'rests' | 'leads' | 'alone';
  /** Lanes that are busy. */
  busy: number;
  lastHand: number;
  readonly hands: Map<number, Entry>;
  changed: Map<number, OutboxItem>;
  /** By `nowMs`. */
  alarmAtMs: number | null;
};

export function newQueueState(settings: OutboxSettings): Queue {
  return {
    settings,
    turn: { nowMs: 0, wallMs: 0, random: 0 },
    effects: [],
    entries: new Map(),
    lanes: new Map(),
    adding: new Map(),
    tickets: new Map(),
    orphans: new Set(),
    early: new Map(),
    gone: new Set(),
    count: 0,
    bytes: 0,
    id: '',
    seen: 0,
    ready: false,
    looking: false,
    lookAgain: false,
    stale: false,
    role: 'rests',
    busy: 0,
    lastHand: 0,
    hands: new Map(),
    changed: new Map(),
    alarmAtMs: null,
  };
}

/** Calls have a lane of their own; channel names are never empty. */
export function laneNameOf(request: DurableRequest): string {
  return isPublication(request) ? request.channel : '';
}

export function laneOf({ lanes }: Queue, request: DurableRequest): OutboxLane {
  const name = laneNameOf(request);
  let lane = lanes.get(name);
  if (lane === undefined) {
    lane = { waiting: [], adding: 0, busy: false, hand: null, pace: newPace() };
    lanes.set(name, lane);
  }
  return lane;
}

export function itemOf({ number, request, atMs, firstMs, state, refusal }: Entry): OutboxItem {
  return {
    number,
    request,
    createdAtMs: atMs,
    firstSentAtMs: firstMs,
    state: state ?? (firstMs === null ? 'queued' : 'sent'),
    refusal,
  };
}

export function noteChange(queue: Queue, entry: Entry, state?: OutboxState): void {
  const item = itemOf(entry);
  queue.changed.set(entry.number, state === undefined ? item : { ...item, state });
}

/** Takes an entry in; it stands in its lane where its number says. */
export function take(
  queue: Queue,
  number: number,
  stored: StoredEntry,
  bytes: number,
  fresh: boolean,
): Entry {
  const { what: request, at: atMs, first = null, q = '', end } = stored;
  const { state = null, refusal = null } = end ?? {};
  const entry: Entry = {
    number,
    request,
    bytes,
    atMs,
    firstMs: first,
    queue: q,
    fresh,
    tries: 0,
    ending: null,
    state,
    refusal,
  };
  queue.entries.set(number, entry);
  noteChange(queue, entry);
  if (state !== null) return entry;
  queue.count++;
  queue.bytes += bytes;
  const { waiting } = laneOf(queue, request);
  let at = waiting.length;
  while (at > 0 && (waiting[at - 1]?.number ?? 0) > number) at--;
  waiting.splice(at, 0, entry);
  return entry;
}

/** It waits no more; its lane is free for the next where it was the one under way. */
export function leaveLane(queue: Queue, entry: Entry): void {
  const name = laneNameOf(entry.request);
  const lane = queue.lanes.get(name);
  const at = lane?.waiting.indexOf(entry) ?? -1;
  if (lane === undefined || at === -1) return;
  queue.count--;
  queue.bytes -= entry.bytes;
  if (at === 0) free(queue, lane);
  lane.waiting.splice(at, 1);
  if (lane.waiting.length + lane.adding === 0 && lane.pace.freeAtMs <= queue.turn.nowMs)
    queue.lanes.delete(name);
}

export function free(queue: Queue, lane: OutboxLane): void {
  if (!lane.busy) return;
  lane.busy = false;
  queue.busy--;
  if (lane.hand !== null) queue.hands.delete(lane.hand);
  lane.hand = null;
}

/** What somebody waits for has ended. */
export function settle(queue: Queue, number: number, refusal: Refusal | null, value?: unknown): void {
  const ticket = queue.tickets.get(number);
  if (ticket === undefined) return;
  queue.tickets.delete(number);
  queue.orphans.delete(number);
  queue.effects.push(refusal === null ? { do: 'resolve', ticket, value } : { do: 'reject', ticket, refusal });
}

/** It is in the list no more. */
export function remove(queue: Queue, entry: Entry): void {
  leaveLane(queue, entry);
  queue.entries.delete(entry.number);
  if (queue.looking) queue.gone.add(entry.number);
}

/** It ended, and nothing of it is kept. */
export function finish(
  queue: Queue,
  entry: Entry,
  state: 'confirmed' | 'cancelled',
  refusal: Refusal | null,
  value?: unknown,
): void {
  const { number } = entry;
  remove(queue, entry);
  noteChange(queue, entry, state);
  settle(queue, number, refusal, value);
}

/** It ended otherwise than was hoped for: it stays to be looked at, and those behind it go on. */
export function keep(queue: Queue, entry: Entry, state: 'rejected' | 'unknown', refusal: Refusal): void {
  leaveLane(queue, entry);
  entry.state = state;
  entry.refusal = refusal;
  noteChange(queue, entry);
  settle(queue, entry.number, refusal);
}
