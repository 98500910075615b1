import type { AwarenessDown, AwarenessUp, Err, Ok } from '@carillon/protocol';
import { LEAST_SERVER_PAUSE_MS } from '../backoff.ts';
import { list } from '../channels/list.ts';
import { textWith } from '../channels/message-text.ts';
import type { DocumentMachine } from './document-state.ts';

/** Where the user is now. */
export function move(machine: DocumentMachine, state: string | null): void {
  const { awareness, turn } = machine;
  if (awareness.state === state) return;
  awareness.state = state;
  awareness.clock = nextClock(awareness.clock, turn.wallMs);
  awareness.stale = true;
}

/** By the wall clock, so that a later life of the page that has the same client id is believed. */
function nextClock(clock: number, wallMs: number): number {
  return Math.max(clock + 1, Math.trunc(wallMs));
}

/** The server is told anew: of a session that it did not know, or that it has given up, it knows nothing. */
export function renewAwareness({ awareness, turn }: DocumentMachine): void {
  if (awareness.state === null) return;
  awareness.clock = nextClock(awareness.clock, turn.wallMs);
  awareness.stale = true;
}

/** When the server is to be told by the mere passing of time; null: it is not. */
export function tellAtMs(machine: DocumentMachine): number | null {
  return mayTell(machine) ? machine.awareness.freeAtMs : null;
}

function mayTell({ phase, awareness }: DocumentMachine): boolean {
  return (phase.name === 'joining' || phase.name === 'live') && awareness.stale && awareness.ask === 0;
}

/** Tells the server where the user is; the latest, one at a time. */
export function tellAwareness(machine: DocumentMachine): void {
  const { awareness, settings, turn } = machine;
  if (!mayTell(machine) || turn.nowMs < awareness.freeAtMs) return;
  const ask = ++machine.lastAsk;
  awareness.ask = ask;
  awareness.freeAtMs = turn.nowMs + settings.awarenessMs;
  machine.effects.push({
    do: 'ask',
    ask,
    lane: 'awareness',
    text(i) {
      if (awareness.ask !== ask) return null;
      // What it is when it goes out, and not what it was when it was asked for.
      awareness.stale = false;
      return awarenessText(machine, i);
    },
  });
}

/** The server was told, or refused: for now, or this state for good. */
export function takeTold({ awareness, turn }: DocumentMachine, reply: Ok | Err): void {
  awareness.ask = 0;
  if (reply.t === 'ok' || (reply.code !== 'unavailable' && reply.retryAfterMs === undefined)) return;
  awareness.stale = true;
  awareness.freeAtMs = turn.nowMs + Math.max(reply.retryAfterMs ?? 0, LEAST_SERVER_PAUSE_MS);
}

export function awarenessText({ awareness, settings, replica }: DocumentMachine, i?: number): string {
  const message: AwarenessUp = {
    t: 'aw',
    c: settings.channel,
    i,
    cl: replica.clientId(),
    n: awareness.clock,
  };
  return textWith(message, awareness.state);
}

/** Where others are ([DOC6]). */
export function takeAwareness(machine: DocumentMachine, { ss, all = false }: AwarenessDown): void {
  const { replica, effects } = machine;
  const own = replica.clientId();
  // Clocks of others are the server's: of one's own only that it is over says something. It was taken for gone, and is here.
  if (list(ss).some(({ cl, d }) => cl === own && d === undefined)) renewAwareness(machine);
  effects.push({ do: 'people', people: list(ss).filter(({ cl }) => cl !== own), all });
}
