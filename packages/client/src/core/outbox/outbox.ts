import { refusal as ownRefusal } from '../channels/machine.ts';
import type { Turn } from '../events.ts';
import { answered, dismiss, forgetEntry, look, marked, pump, refused, saved } from './draining.ts';
import { utf8Bytes } from '../channels/queue-room.ts';
import {
  type DurableRequest,
  type OutboxEffect,
  type OutboxEvent,
  type OutboxItem,
  isPublication,
} from './outbox-events.ts';
import {
  type OutboxSettings,
  type Queue,
  finish,
  free,
  itemOf,
  laneNameOf,
  laneOf,
  newQueueState,
  settle,
  take,
} from './queue.ts';
import { forgetAll, heard, loaded } from './sharing.ts';
import { type StoredEntry, encode } from './stored-entry.ts';

/**
 * What a user did and the server has not answered, over lives of the page: decisions only, as those of the channels. The same
 * events and turns give the same effects.
 */
export type OutboxMachine = {
  /** @returns what is to be done, in its order; the list is the caller's */
  handle(event: OutboxEvent, turn: Turn): readonly OutboxEffect[];
  /** By number: what waits, and what ended otherwise than was hoped for. */
  items(): readonly OutboxItem[];
};

export function createOutboxMachine(settings: OutboxSettings): OutboxMachine {
  const queue = newQueueState(settings);
  return {
    handle(event, turn) {
      queue.turn = turn;
      queue.effects = [];
      handle(queue, event);
      pump(queue);
      setAlarm(queue);
      if (queue.changed.size > 0) {
        queue.effects.push({ do: 'changed', items: [...queue.changed.values()] });
        queue.changed = new Map();
      }
      return queue.effects;
    },
    items: () => [...queue.entries.values()].map(itemOf).sort((a, b) => a.number - b.number),
  };
}

function handle(queue: Queue, event: OutboxEvent): void {
  switch (event.type) {
    case 'open':
      look(queue);
      // A tab that crashed may have left what it told nobody of.
      queue.effects.push({ do: 'tell', message: { look: true, opened: true } });
      return;
    case 'add':
      return add(queue, event.ticket, event.request);
    case 'inserted':
      return inserted(queue, event.ticket, event.number);
    case 'insertFailed': {
      const { ticket, detail } = event;
      if (giveUp(queue, ticket))
        queue.effects.push({ do: 'reject', ticket, refusal: ownRefusal('storage_failed', detail) });
      return;
    }
    case 'loaded':
      return loaded(queue, event.queue, event.records);
    case 'lead':
      queue.role = event.alone ? 'alone' : 'leads';
      // Whoever led before may have sent, and taken out, what is known here.
      queue.ready = false;
      queue.stale = queue.looking;
      return look(queue);
    case 'rest':
      return rest(queue);
    case 'marked':
      return marked(queue, event.number, event.text);
    case 'saved':
      return saved(queue, event.number);
    case 'answered':
      return answered(queue, event.hand, event.value);
    case 'refused':
      return refused(queue, event.hand, event.refusal);
    case 'cancel': {
      const { ticket, number } = event;
      const isQueued = queue.entries.get(number)?.firstMs === null;
      // The store decides: another tab may be sending it.
      queue.effects.push(isQueued ? { do: 'drop', ticket, number } : { do: 'resolve', ticket, value: false });
      return;
    }
    case 'dropped':
      return dropped(queue, event.ticket, event.number, event.gone);
    case 'dismiss': {
      const entry = queue.entries.get(event.number);
      if (entry?.state != null) dismiss(queue, entry);
      return;
    }
    case 'heard':
      return heard(queue, event.message);
    case 'forget':
      forgetAll(queue, event.code);
      queue.effects.push({ do: 'erase' }, { do: 'tell', message: { erased: event.code } });
      return look(queue);
    case 'alarm':
      queue.alarmAtMs = null;
      return;
  }
}

function add(queue: Queue, ticket: number, request: DurableRequest): void {
  const { settings, adding, turn } = queue;
  const lane = queue.lanes.get(laneNameOf(request));
  // What will go out at once is marked with the same write.
  const atOnce =
    queue.role !== 'rests' && queue.ready && (lane === undefined || lane.waiting.length + lane.adding === 0);
  const stored: StoredEntry = {
    v: 1,
    what: request,
    at: turn.wallMs,
    ...(atOnce ? { first: turn.wallMs, q: queue.id } : {}),
  };
  const text = encode(stored);
  const bytes = utf8Bytes(text);
  const full = queue.count >= settings.count || queue.bytes + bytes > settings.bytes;
  const payloadBytes = utf8Bytes((isPublication(request) ? request.data : request.input) ?? '');
  if (full || payloadBytes > settings.messageBytes) {
    const refusal = full ? ownRefusal('queue_full') : ownRefusal('too_large', `${payloadBytes} bytes`);
    queue.effects.push({ do: 'reject', ticket, refusal });
    return;
  }
  queue.count++;
  queue.bytes += bytes;
  laneOf(queue, request).adding++;
  adding.set(ticket, { stored, bytes, fresh: atOnce && queue.role === 'alone' });
  queue.effects.push({ do: 'insert', ticket, text });
}

/** It is not on its way into the store any more. @returns false where it was given up before */
function giveUp(queue: Queue, ticket: number): boolean {
  const draft = queue.adding.get(ticket);
  if (draft === undefined) return false;
  queue.adding.delete(ticket);
  queue.count--;
  queue.bytes -= draft.bytes;
  laneOf(queue, draft.stored.what).adding--;
  return true;
}

function inserted(queue: Queue, ticket: number, number: number): void {
  const draft = queue.adding.get(ticket);
  if (draft === undefined || !giveUp(queue, ticket)) return;
  if (number === queue.seen + 1) queue.seen = number;
  const known = queue.entries.get(number);
  if (known !== undefined && (queue.tickets.has(number) || known.atMs !== draft.stored.at)) {
    // The store counts from 1 again: its data was cleared, and what had the number is gone with it.
    settle(queue, number, ownRefusal('outcome_unknown', '', true));
    forgetEntry(queue, known);
    queue.seen = 0;
    queue.ready = false;
    queue.stale = queue.looking;
    look(queue);
  }
  queue.tickets.set(number, ticket);
  // A look that found it first knows how it stands.
  if (!queue.entries.has(number)) take(queue, number, draft.stored, draft.bytes, draft.fresh);
  queue.effects.push({ do: 'tell', message: { look: true } });
  const message = queue.early.get(number);
  if (message !== undefined) heard(queue, message);
  if (queue.adding.size === 0) queue.early.clear();
}

/** What is under way comes to nothing here: it is sent again by whoever leads next. */
function rest(queue: Queue): void {
  queue.role = 'rests';
  for (const lane of queue.lanes.values()) {
    free(queue, lane);
    for (const entry of lane.waiting) entry.fresh = false;
  }
  for (const draft of queue.adding.values()) draft.fresh = false;
  if (queue.alarmAtMs !== null) queue.effects.push({ do: 'clearAlarm' });
  queue.alarmAtMs = null;
}

function dropped(queue: Queue, ticket: number, number: number, gone: boolean): void {
  queue.effects.push({ do: 'resolve', ticket, value: gone });
  const entry = queue.entries.get(number);
  if (!gone || entry === undefined) return;
  const refusal = ownRefusal('cancelled');
  queue.effects.push({ do: 'tell', message: { number, state: 'cancelled', refusal } });
  finish(queue, entry, 'cancelled', refusal);
}

/** One alarm, for the lane that may be sent on next. */
function setAlarm(queue: Queue): void {
  if (queue.role === 'rests' || !queue.ready) return;
  const { nowMs } = queue.turn;
  let atMs: number | null = null;
  for (const { waiting, busy, pace } of queue.lanes.values())
    if (!busy && waiting.length > 0 && pace.freeAtMs > nowMs)
      atMs = Math.min(atMs ?? Infinity, pace.freeAtMs);
  if (atMs === null || (queue.alarmAtMs !== null && queue.alarmAtMs <= atMs && queue.alarmAtMs > nowMs))
    return;
  queue.alarmAtMs = atMs;
  queue.effects.push({ do: 'setAlarm', delayMs: Math.ceil(atMs - nowMs) });
}
