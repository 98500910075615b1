import type { DocumentState, Err, Gap, Ok, PublicationItem, Subscribe } from '@carillon/protocol';
import { LEAST_SERVER_PAUSE_MS, pauseMs, serverWindowMs } from '../backoff.ts';
import { list } from '../channels/list.ts';
import { renewAwareness } from './awareness.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { type DocumentMachine, type DocumentPhase, positionOf } from './document-state.ts';
import { forgetDoubt, recall, rename } from './sending.ts';

/** Client ids that a `sub` names ([DOC1]). */
const MOST_CLIENT_IDS = 16;

/** Codes behind which the same request may work a little later, though the server names no time. */
const PASSING: readonly string[] = ['unavailable', 'internal'];

/** Joins, where that is wanted and possible; from where the replica stands. What comes of an earlier joining counts no more. */
export function join(machine: DocumentMachine): void {
  if (machine.phase.name === 'loading' || machine.phase.name === 'ended') return;
  recall(machine);
  for (const [number, { ticket }] of machine.states) if (ticket === null) machine.states.delete(number);
  if (!machine.follows) return enter(machine, { name: 'resting' });
  if (machine.line !== 'live') return enter(machine, { name: 'waiting' });
  const ask = ++machine.lastAsk;
  // What the server knows to be deleted is in a whole state alone.
  if (machine.unsure) machine.place = { name: 'unknown' };
  machine.seen = [];
  enter(machine, { name: 'subscribing', ask });
  const isAsked = (): boolean => machine.phase.name === 'subscribing' && machine.phase.ask === ask;
  machine.effects.push({
    do: 'ask',
    ask,
    lane: 'request',
    text: (i) => (isAsked() ? subscribeText(machine, i) : null),
  });
}

function enter(machine: DocumentMachine, phase: DocumentPhase): void {
  machine.phase = phase;
  machine.effects.push({ do: 'changed' });
}

function subscribeText(machine: DocumentMachine, i: number): string {
  const { replica, settings } = machine;
  const position = positionOf(machine);
  const message: Subscribe = {
    t: 'sub',
    i,
    c: settings.channel,
    e: position?.epoch,
    o: position?.offset,
    sv: toBase64(replica.vector()),
    cl: clientIdsOf(machine),
  };
  return JSON.stringify(message);
}

/** The present one, and those of earlier lives that the server has not acknowledged everything of. */
function clientIdsOf({ replica, pending }: DocumentMachine): readonly number[] {
  const ids = new Set([replica.clientId()]);
  for (const { update } of pending) for (const id of replica.clientsOf(update)) ids.add(id);
  return [...ids].slice(0, MOST_CLIENT_IDS);
}

export function takeJoined(machine: DocumentMachine, reply: Ok): void {
  const { e = '', o = 0, rec, sv = '', role, ds } = reply;
  const { place } = machine;
  const top = { epoch: e, offset: o };
  machine.failures = machine.renames = 0;
  machine.role = role ?? machine.role;
  machine.vector = fromBase64(sv) ?? new Uint8Array([0]);
  if (rec !== true) {
    // Everything that was acknowledged may be gone with the former epoch.
    if (place.name === 'at' && place.epoch !== e) machine.unsure = true;
    // Where no state comes all updates do, from the first on.
    machine.place = ds === undefined ? { name: 'at', epoch: e, offset: 0 } : { name: 'unknown' };
  }
  if (ds !== undefined) machine.states.set(ds, { ticket: null, parts: [] });
  machine.phase = { name: 'joining', top, state: ds ?? null };
  // What was asked before is answered, or lost, and says nothing of this joining.
  machine.awareness.ask = 0;
  renewAwareness(machine);
  // A limit may have been raised, a role given back.
  machine.refused = null;
  machine.effects.push({ do: 'changed' });
  settle(machine);
}

export function takeJoinRefused(machine: DocumentMachine, { code, m, retryAfterMs }: Err): void {
  // Behind it the document is joined anew.
  if (code === 'client_id_taken' && rename(machine)) return;
  if (retryAfterMs === undefined && !PASSING.includes(code)) return end(machine, code, m);
  const windowMs = Math.max(serverWindowMs(retryAfterMs), LEAST_SERVER_PAUSE_MS);
  pause(machine, windowMs + pauseMs(machine.failures++, machine.turn.random), code, m);
}

function pause(machine: DocumentMachine, delayMs: number, code: string, detail: string): void {
  recall(machine);
  enter(machine, { name: 'paused', untilMs: machine.turn.nowMs + Math.ceil(delayMs), code, detail });
}

export function end(machine: DocumentMachine, code: string, detail: string): void {
  recall(machine);
  if (code === 'forbidden') machine.role = 'none';
  enter(machine, { name: 'ended', code, detail });
}

/** What came does not fit: it is asked for again, ever more seldom where that goes on. */
export function heal(machine: DocumentMachine): void {
  const heals = machine.heals++;
  if (heals === 0) return join(machine);
  pause(machine, pauseMs(heals - 1, machine.turn.random), 'internal', 'updates are missing');
}

/** A part of a state. */
export function takeState(machine: DocumentMachine, { i, n, of, o = 0, d }: DocumentState): void {
  const state = machine.states.get(i);
  if (state === undefined) return;
  const bytes = fromBase64(d);
  // Parts come in their order, for they come by one line.
  if (bytes === undefined || n !== state.parts.length + 1) {
    machine.states.delete(i);
    if (state.ticket === null) return heal(machine);
    machine.effects.push({
      do: 'reject',
      ticket: state.ticket,
      refusal: { code: 'internal', detail: 'parts are missing', unknown: false },
    });
    return;
  }
  state.parts.push(bytes);
  if (n < of) return;
  machine.states.delete(i);
  const whole = concat(state.parts);
  if (state.ticket !== null) {
    machine.effects.push({ do: 'resolve', ticket: state.ticket, value: whole });
    return;
  }
  const { phase } = machine;
  if (phase.name !== 'joining' || phase.state !== i) return;
  machine.place = { name: 'at', epoch: phase.top.epoch, offset: o };
  phase.state = null;
  takeAll(machine, [whole]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @returns false where the replica could not take them */
function take(machine: DocumentMachine, updates: readonly Uint8Array[]): boolean {
  if (updates.length > 0 && !machine.replica.apply(updates)) return false;
  if (machine.unsure && machine.phase.name === 'joining') machine.seen.push(...updates);
  machine.effects.push({ do: 'applied', updates, position: positionOf(machine) });
  return true;
}

/** Publications, oldest first: live ones, and those that were missed. One's own come without what they hold. */
export function takePublications(
  machine: DocumentMachine,
  items: readonly PublicationItem[],
  isOwn: boolean,
): void {
  if (machine.phase.name !== 'joining' && machine.phase.name !== 'live') return;
  const updates: Uint8Array[] = [];
  let fits = true;
  for (const item of list(items)) {
    const fit = fitOf(machine, item.o);
    if (fit === 'repeat') continue;
    const update = isOwn ? null : typeof item.d === 'string' ? fromBase64(item.d) : undefined;
    if (fit === 'gap' || update === undefined) {
      fits = false;
      break;
    }
    if (update !== null) updates.push(update);
    advance(machine, item.o);
  }
  takeAll(machine, updates, fits);
}

/** @param fits false: something is missing behind them */
function takeAll(machine: DocumentMachine, updates: readonly Uint8Array[], fits = true): void {
  const taken = take(machine, updates);
  // What could not be applied is not to be counted as applied.
  if (!taken) machine.place = { name: 'unknown' };
  if (!fits || !taken) return heal(machine);
  machine.heals = 0;
  settle(machine);
}

function fitOf({ place }: DocumentMachine, offset: number): 'next' | 'repeat' | 'gap' {
  switch (place.name) {
    case 'at':
      if (offset === place.offset + 1) return 'next';
      return offset <= place.offset ? 'repeat' : 'gap';
    case 'unknown':
      return 'gap';
  }
}

function advance(machine: DocumentMachine, offset: number): void {
  const { place } = machine;
  if (place.name === 'at') place.offset = offset;
}

/** The joining is over once everything that the server had is here. */
function settle(machine: DocumentMachine): void {
  const { phase, place, replica, vector, seen } = machine;
  if (phase.name !== 'joining' || place.name !== 'at' || place.offset < phase.top.offset) return;
  // Who may not write is told whether they have anything that the server has not.
  if (machine.unsure && machine.role !== 'write') forgetDoubt(machine, replica.missing(vector, seen));
  enter(machine, { name: 'live' });
}

/** Publications are missing here, and why ([REC6], [DOC2]). */
export function takeGap(machine: DocumentMachine, { why }: Gap): void {
  if (machine.phase.name !== 'joining' && machine.phase.name !== 'live') return;
  if (why !== 'resync') machine.place = { name: 'unknown' };
  if (why === 'epoch') machine.unsure = true;
  join(machine);
}
