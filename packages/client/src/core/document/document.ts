import type { ChannelDownMessage, DocumentRequest, Err, Ok, Unsubscribe } from '@carillon/protocol';
import { refusal, refusalOf } from '../channels/machine.ts';
import type { RefusalCode, Turn } from '../events.ts';
import {
  awarenessText,
  move,
  renewAwareness,
  takeAwareness,
  takeTold,
  tellAtMs,
  tellAwareness,
} from './awareness.ts';
import type {
  DocumentEffect,
  DocumentEvent,
  DocumentSettings,
  DocumentStatus,
  DocumentView,
  Replica,
} from './document-events.ts';
import { type DocumentMachine, type Question, newDocumentMachine } from './document-state.ts';
import { end, join, takeGap, takeJoinRefused, takeJoined, takePublications, takeState } from './joining.ts';
import { addOwn, flush, flushAtMs, recall, takeTaken, takeUpdateRefused } from './sending.ts';

/**
 * One document of a client: decisions only, as the channels make theirs. The replica is handed in and changed by it; the same events, turns and replica
 * give the same effects.
 */
export type Document = {
  /** @returns what is to be done, in its order; the list is the caller's */
  handle(event: DocumentEvent, turn: Turn): readonly DocumentEffect[];
  view(): DocumentView;
};

export function createDocument(settings: DocumentSettings, replica: Replica): Document {
  const machine = newDocumentMachine(settings, replica);
  return {
    handle(event, turn) {
      machine.turn = turn;
      machine.effects = [];
      handle(machine, event);
      flush(machine);
      tellAwareness(machine);
      setAlarm(machine);
      return machine.effects;
    },
    view: () => viewOf(machine),
  };
}

function handle(machine: DocumentMachine, event: DocumentEvent): void {
  const { phase } = machine;
  switch (event.type) {
    case 'opened':
      return open(machine, event);
    case 'live':
      machine.line = 'live';
      machine.heals = 0;
      join(machine);
      for (const [ask, question] of machine.questions) {
        machine.questions.delete(ask);
        askQuestion(machine, question);
      }
      return;
    case 'down':
      machine.line = event.stopped ?? 'down';
      join(machine);
      if (event.stopped !== null) return refuseQuestions(machine, event.stopped);
      // The rest of what was coming will not come.
      return refuseStates(machine, 'line_lost');
    case 'forget':
      refuseQuestions(machine, event.code);
      return end(machine, event.code, '');
    case 'message':
      return onMessage(machine, event.message);
    case 'answered':
      return onAnswer(machine, event.ask, event.reply);
    case 'unanswered':
      return onLineLost(machine, event.ask, event.sent);
    case 'edited':
      return addOwn(machine, event.own);
    case 'renamed':
      if (machine.awareness.state !== null) renewAwareness(machine);
      // The server is to know the new one ([DOC1]).
      return phase.name === 'paused' || phase.name === 'ended' ? undefined : join(machine);
    case 'moved':
      return move(machine, event.state);
    case 'request':
      return askQuestion(machine, event);
    case 'follow':
      return follow(machine, event.follows);
    case 'rewritten':
      discard(machine);
      // The server's part of it goes by its vector.
      machine.pending = [{ ids: [event.own.id], update: event.own.update, level: 0 }];
      machine.unsure = true;
      return join(machine);
    case 'discard':
      discard(machine);
      return join(machine);
    case 'alarm':
      machine.alarmAtMs = null;
      if (phase.name === 'paused' && phase.untilMs <= machine.turn.nowMs) join(machine);
  }
}

function open(machine: DocumentMachine, event: Extract<DocumentEvent, { type: 'opened' }>): void {
  const { position, own, unsure } = event;
  // What was changed while the store was read is behind what it held.
  const [...later] = machine.pending;
  machine.pending = [];
  for (const each of own) addOwn(machine, each);
  machine.pending.push(...later);
  if (position !== null) machine.place = { name: 'at', ...position };
  machine.unsure = unsure;
  if (machine.phase.name !== 'loading') return;
  machine.phase = { name: 'waiting' };
  join(machine);
}

function onMessage(machine: DocumentMachine, message: ChannelDownMessage): void {
  switch (message.t) {
    case 'p': {
      // Of another's request, or of another life of the session, nothing is known here: a replay brings it.
      const isOwn = message.own === true;
      const known = !isOwn || machine.ownRequests.includes(message.i ?? -1);
      return takePublications(machine, [message], isOwn && known);
    }
    case 'ps':
      return takePublications(machine, message.ps, false);
    case 'ds':
      return takeState(machine, message);
    case 'gap':
      return takeGap(machine, message);
    case 'aw':
      return takeAwareness(machine, message);
    case 'role':
      machine.role = message.role;
      // What was refused for want of the right may be right now, and what was not is.
      if (machine.refused?.code === 'forbidden' && message.role === 'write') machine.refused = null;
      machine.effects.push({ do: 'changed' });
      return;
    case 'unsub':
      // While a `sub` is under way its answer counts: it was sent behind what this ends.
      if (machine.phase.name === 'joining' || machine.phase.name === 'live')
        takeJoinRefused(machine, { t: 'err', code: message.code, m: message.m ?? '' });
      return;
    default:
      return;
  }
}

function onAnswer(machine: DocumentMachine, ask: number, reply: Ok | Err): void {
  const { phase, flight, awareness, questions } = machine;
  const question = questions.get(ask);
  if (phase.name === 'subscribing' && phase.ask === ask)
    return reply.t === 'ok' ? takeJoined(machine, reply) : takeJoinRefused(machine, reply);
  if (flight?.ask === ask) {
    if (reply.t === 'ok') return takeTaken(machine, flight);
    return takeUpdateRefused(machine, flight, reply) ? join(machine) : undefined;
  }
  if (awareness.ask === ask) return takeTold(machine, reply);
  if (question === undefined) return;
  questions.delete(ask);
  takeAnswer(machine, question, reply);
}

function onLineLost(machine: DocumentMachine, ask: number, sent: boolean): void {
  const { awareness, questions, flight } = machine;
  if (awareness.ask === ask) {
    awareness.ask = 0;
    awareness.stale = true;
  }
  if (flight?.ask === ask) recall(machine);
  const question = questions.get(ask);
  // What only reads waits for the next line, and what was not sent.
  if (question === undefined || question.reads || !sent) return;
  questions.delete(ask);
  machine.effects.push({ do: 'reject', ticket: question.ticket, refusal: refusal('line_lost', '', true) });
}

function askQuestion(machine: DocumentMachine, { ticket, fields, reads }: Question): void {
  const { line, effects, settings, questions } = machine;
  if (line !== 'live' && line !== 'down') {
    effects.push({ do: 'reject', ticket, refusal: refusal(line) });
    return;
  }
  const ask = ++machine.lastAsk;
  questions.set(ask, { ticket, fields, reads });
  if (line === 'down') return;
  const text = (i: number): string | null => {
    const message = { t: 'doc', c: settings.channel, i, ...fields } as DocumentRequest;
    return questions.has(ask) ? JSON.stringify(message) : null;
  };
  effects.push({ do: 'ask', ask, lane: 'request', text });
}

function takeAnswer(machine: DocumentMachine, { ticket }: Question, reply: Ok | Err): void {
  const { effects, states } = machine;
  if (reply.t === 'err') effects.push({ do: 'reject', ticket, refusal: refusalOf(reply) });
  else if (reply.ds === undefined) effects.push({ do: 'resolve', ticket, value: reply.d });
  else states.set(reply.ds, { ticket, parts: [] });
}

function refuseQuestions(machine: DocumentMachine, code: RefusalCode): void {
  const { questions, effects } = machine;
  for (const { ticket } of questions.values()) effects.push({ do: 'reject', ticket, refusal: refusal(code) });
  questions.clear();
  refuseStates(machine, code);
}

function refuseStates({ states, effects }: DocumentMachine, code: RefusalCode): void {
  for (const { ticket } of states.values())
    if (ticket !== null) effects.push({ do: 'reject', ticket, refusal: refusal(code) });
  states.clear();
}

function follow(machine: DocumentMachine, follows: boolean): void {
  const { phase, awareness, settings, effects } = machine;
  if (follows === machine.follows && phase.name !== 'ended') return;
  machine.follows = follows;
  const known = phase.name === 'subscribing' || phase.name === 'joining' || phase.name === 'live';
  if (!follows && known) {
    // Others need not wait for the grace to see that the user has gone.
    if ((awareness.state !== null || awareness.stale) && phase.name !== 'subscribing') {
      awareness.clock++;
      const text = awarenessText({ ...machine, awareness: { ...awareness, state: null } });
      effects.push({ do: 'say', text });
    }
    const message: Unsubscribe = { t: 'unsub', c: settings.channel };
    effects.push({ do: 'say', text: JSON.stringify(message) });
  }
  if (phase.name === 'ended') machine.phase = { name: 'resting' };
  join(machine);
}

/** The replica is empty from here on: what it is to hold is what the server has. */
function discard(machine: DocumentMachine): void {
  recall(machine);
  machine.pending = [];
  machine.unsure = machine.singly = false;
  machine.refused = null;
  machine.gaps = 0;
  machine.place = { name: 'unknown' };
}

function setAlarm(machine: DocumentMachine): void {
  const { phase, turn } = machine;
  const times = [phase.name === 'paused' ? phase.untilMs : null, flushAtMs(machine), tellAtMs(machine)];
  const due = times.filter((atMs) => atMs !== null);
  const atMs = due.length === 0 ? null : Math.min(...due);
  if (atMs === machine.alarmAtMs) return;
  machine.alarmAtMs = atMs;
  if (atMs === null) machine.effects.push({ do: 'clearAlarm' });
  else machine.effects.push({ do: 'setAlarm', delayMs: Math.max(0, Math.ceil(atMs - turn.nowMs)) });
}

function viewOf({ phase, role, pending, flight, refused, unsure }: DocumentMachine): DocumentView {
  const count = (all: readonly { readonly ids: readonly number[] }[]): number =>
    all.reduce((sum, { ids }) => sum + ids.length, 0);
  const says = phase.name === 'ended' || phase.name === 'paused';
  return {
    status: statusOf(phase.name),
    code: says ? phase.code : null,
    detail: says ? phase.detail : '',
    role,
    // What it may have beside what is pending counts as one change.
    unsent: count(pending) + (unsure ? 1 : 0),
    unsaved: flight === null ? 0 : Math.max(1, count(flight.pending)),
    refused,
  };
}

function statusOf(phase: DocumentMachine['phase']['name']): DocumentStatus {
  switch (phase) {
    case 'loading':
    case 'subscribing':
    case 'joining':
    case 'paused':
      return 'connecting';
    case 'waiting':
      return 'offline';
    case 'resting':
    case 'live':
    case 'ended':
      return phase;
  }
}
