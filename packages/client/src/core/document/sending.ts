import type { Err, UpdateDocument } from '@carillon/protocol';
import { LEAST_SERVER_PAUSE_MS, pauseMs, serverWindowMs } from '../backoff.ts';
import { toBase64 } from './base64.ts';
import type { OwnUpdate } from './document-events.ts';
import type { DocumentMachine, Flight, Pending } from './document-state.ts';

/** Changes of one level that are merged into one of the next: merging each with all before it would cost their square. */
const MERGED_AT_ONCE = 32;

/** Bytes that are sent as one update, unless one change alone is more: well below what servers take at once. */
const MOST_BYTES = 256 * 1024;

/** Request ids that are remembered; a server names one's own updates soon, or not on this line. */
const MOST_OWN_REQUESTS = 256;

/** Codes behind which the same may work a little later, though the server names no time. */
const PASSING: readonly string[] = ['unavailable', 'internal', 'not_subscribed'];

/** Times in a row that an update in parts is begun anew; then it is the server that does not take it. */
const MOST_TORN = 8;

/** Client ids that are given up in a row. */
const MOST_RENAMES = 3;

/** Times in a row that everything is sent because the server lacked something; then it is the server's fault. */
const MOST_GAPS = 3;

export function addOwn(machine: DocumentMachine, { id, update }: OwnUpdate): void {
  if (machine.pending.length === 0 && machine.flight === null)
    machine.flushAtMs = machine.turn.nowMs + machine.settings.delayMs;
  machine.pending.push({ ids: [id], update, level: 0 });
  fold(machine);
  machine.effects.push({ do: 'changed' });
}

/** Merges what has piled up, so that a day offline does not end in a hundred thousand updates. */
function fold({ pending, replica, singly }: DocumentMachine): void {
  if (singly) return;
  for (;;) {
    const level = pending.at(-1)?.level;
    const last = pending.slice(-MERGED_AT_ONCE);
    if (level === undefined || last.length < MERGED_AT_ONCE || last.some((each) => each.level !== level))
      return;
    if (fitting(last) < last.length) return;
    pending.splice(-MERGED_AT_ONCE, MERGED_AT_ONCE, merged(replica, last, level + 1));
  }
}

/** How many of the first are to go as one update: at least one. */
function fitting(pending: readonly Pending[]): number {
  let bytes = 0;
  for (const [at, { update }] of pending.entries()) {
    bytes += update.length;
    if (at > 0 && bytes > MOST_BYTES) return at;
  }
  return pending.length;
}

function merged(replica: DocumentMachine['replica'], all: readonly Pending[], level: number): Pending {
  return {
    ids: all.flatMap(({ ids }) => ids),
    update: replica.merge(all.map(({ update }) => update)),
    level,
  };
}

/** When something is to be sent by the mere passing of time; null: nothing is. */
export function flushAtMs(machine: DocumentMachine): number | null {
  return maySend(machine) && hasSomething(machine) ? machine.flushAtMs : null;
}

function maySend({ phase, role, refused, flight }: DocumentMachine): boolean {
  return phase.name === 'live' && role === 'write' && refused === null && flight === null;
}

function hasSomething({ pending, unsure }: DocumentMachine): boolean {
  return pending.length > 0 || unsure;
}

/** Sends what is pending, all at once; one update is under way at a time. */
export function flush(machine: DocumentMachine): void {
  if (!maySend(machine) || !hasSomething(machine)) return;
  const { pending, replica, turn } = machine;
  if (!machine.unsure && turn.nowMs < machine.flushAtMs) return;
  if (machine.unsure) return sendAll(machine);
  const taken = pending.splice(0, machine.singly ? 1 : fitting(pending));
  const [first] = taken;
  const update = taken.length === 1 && first !== undefined ? first.update : merged(replica, taken, 0).update;
  takeOff(machine, taken, update, false);
}

/** Sends what the server lacks, as far as its state vector tells: what is pending is part of it. */
function sendAll(machine: DocumentMachine): void {
  const { vector, seen, pending, replica } = machine;
  const update = replica.missing(vector, seen);
  if (forgetDoubt(machine, update)) return;
  machine.unsure = false;
  machine.seen = [];
  machine.pending = [];
  if (update !== null) takeOff(machine, pending, update, true);
}

/**
 * The server has everything, what is pending among it.
 *
 * @param missing what it lacks; null: nothing
 * @returns false where it lacks something
 */
export function forgetDoubt(machine: DocumentMachine, missing: Uint8Array | null): boolean {
  if (missing !== null) return false;
  const { pending } = machine;
  machine.unsure = false;
  machine.seen = [];
  machine.pending = [];
  acknowledge(machine, pending);
  return true;
}

function acknowledge(machine: DocumentMachine, pending: readonly Pending[]): void {
  machine.gaps = machine.failures = 0;
  if (machine.pending.length === 0) machine.singly = false;
  if (pending.length === 0) return;
  machine.mayRewrite = false;
  machine.effects.push({ do: 'acknowledged', ids: pending.flatMap(({ ids }) => ids) }, { do: 'changed' });
}

function takeOff(
  machine: DocumentMachine,
  pending: readonly Pending[],
  update: Uint8Array,
  full: boolean,
): void {
  const text = toBase64(update);
  // Whole words of base64, so that each part is base64 of its own.
  const units = machine.settings.partUnits - (machine.settings.partUnits % 4);
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += units) parts.push(text.slice(at, at + units));
  machine.flight = { pending, full, parts, next: 0, ask: 0 };
  machine.effects.push({ do: 'changed' });
  sendPart(machine, machine.flight);
}

/** One part at a time: what is refused by a limit of the connection names no request where it is large ([LIM1]). */
function sendPart(machine: DocumentMachine, flight: Flight): void {
  const ask = ++machine.lastAsk;
  flight.ask = ask;
  machine.effects.push({
    do: 'ask',
    ask,
    lane: 'update',
    text(i) {
      if (machine.flight?.ask !== ask) return null;
      machine.ownRequests.push(i);
      if (machine.ownRequests.length > MOST_OWN_REQUESTS) machine.ownRequests.shift();
      return updateText(machine.settings.channel, flight, i);
    },
  });
}

function updateText(c: string, { parts, next, full }: Flight, i: number): string {
  const of = parts.length > 1 ? parts.length : undefined;
  const n = of === undefined ? undefined : next + 1;
  const message: UpdateDocument = { t: 'upd', c, i, n, of, full: full || undefined, d: parts[next] ?? '' };
  return JSON.stringify(message);
}

/** The server took a part, or the whole. */
export function takeTaken(machine: DocumentMachine, flight: Flight): void {
  flight.next++;
  if (flight.next < flight.parts.length) return sendPart(machine, flight);
  machine.flight = null;
  acknowledge(machine, flight.pending);
  machine.effects.push({ do: 'changed' });
}

/**
 * The server refused an update. What it held stays pending.
 *
 * @returns whether the document has to be joined anew
 */
export function takeUpdateRefused(
  machine: DocumentMachine,
  flight: Flight,
  { code, m, retryAfterMs }: Err,
): boolean {
  recall(machine);
  const { nowMs, random } = machine.turn;
  // A part that was sent again behind a limit may have found those before it gone.
  const isTorn = flight.parts.length > 1 && (code === 'bad_message' || code === 'limit_reached');
  if (retryAfterMs !== undefined || (isTorn && machine.failures < MOST_TORN) || PASSING.includes(code)) {
    const windowMs = Math.max(
      serverWindowMs(retryAfterMs),
      retryAfterMs === undefined ? LEAST_SERVER_PAUSE_MS : 0,
    );
    machine.flushAtMs = Math.ceil(nowMs + windowMs + pauseMs(machine.failures++, random));
    return false;
  }
  if (code === 'update_gap' && machine.gaps < MOST_GAPS) {
    machine.gaps++;
    machine.unsure = true;
    return true;
  }
  // Where nothing was made by the present one it is that of an earlier life.
  if (code === 'client_id_taken' && machine.replica.hasOf(machine.replica.clientId()) && rename(machine))
    return false;
  if (code === 'too_large' && !flight.full && flight.pending.length > 1) {
    machine.singly = true;
    return false;
  }
  machine.refused = { code, detail: m };
  machine.effects.push({ do: 'changed' });
  return false;
}

/**
 * The client id is somebody else's.
 *
 * @returns whether another will do: nothing was made by it, or nothing that the server has
 */
export function rename(machine: DocumentMachine): boolean {
  const { replica, effects, pending, mayRewrite } = machine;
  const own = replica.clientId();
  if (!replica.hasOf(own)) {
    // One of an earlier life may be at fault, and that cannot be given up.
    if (++machine.renames > MOST_RENAMES) return false;
    effects.push({ do: 'rename' });
    return true;
  }
  // Of an earlier life's client ids the server may have the beginning.
  const isAllOwn = pending.every(({ update }) => replica.clientsOf(update).every((id) => id === own));
  if (!mayRewrite || !isAllOwn) return false;
  machine.mayRewrite = false;
  effects.push({ do: 'rewrite' });
  return true;
}

/** What was on its way is pending again: whether the server took it is not known, and to send it again does no harm. */
export function recall(machine: DocumentMachine): void {
  const { flight } = machine;
  machine.ownRequests = [];
  if (flight === null) return;
  machine.flight = null;
  machine.pending.unshift(...flight.pending);
  if (flight.full) machine.unsure = true;
  machine.effects.push({ do: 'changed' });
}
