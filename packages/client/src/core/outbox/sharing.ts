import { refusal as ownRefusal } from '../channels/machine.ts';
import { look, forgetEntry } from './draining.ts';
import type { OutboxMessage } from './outbox-events.ts';
import { utf8Bytes } from '../channels/queue-room.ts';
import { type Queue, finish, free, keep, leaveLane, noteChange, settle, take } from './queue.ts';
import type { Refusal } from '../channels/channel-events.ts';
import { decode } from './stored-entry.ts';

/** So many entries that have ended are remembered before a look shows which need not be any more. */
const MOST_GONE = 100;

/** What the store holds is what counts: of entries that others added, and of those that they ended. */
export function loaded(queue: Queue, id: string, records: ReadonlyMap<number, string>): void {
  let again = queue.lookAgain;
  queue.looking = queue.lookAgain = false;
  queue.id = id;
  for (const entry of [...queue.entries.values()])
    if (!records.has(entry.number) && ![...queue.hands.values()].includes(entry)) forgetEntry(queue, entry);
  for (const [number, text] of records) {
    queue.seen = Math.max(queue.seen, number);
    if (queue.gone.has(number)) {
      clearAway(queue, number);
      continue;
    }
    const stored = decode(text);
    if (stored === null) continue;
    const entry = queue.entries.get(number);
    if (entry === undefined) take(queue, number, stored, utf8Bytes(text), false);
    else if (stored.end !== undefined && entry.state === null)
      keep(queue, entry, stored.end.state, stored.end.refusal);
    else if (stored.first !== undefined && entry.queue === '') {
      entry.firstMs = stored.first;
      entry.queue = stored.q ?? id;
      noteChange(queue, entry);
    }
  }
  for (const number of [...queue.tickets.keys()]) {
    if (queue.entries.has(number)) continue;
    // What is told of it may still be on its way; a tab that crashed will not tell it any more.
    if (queue.orphans.has(number)) settle(queue, number, ownRefusal('outcome_unknown', '', true));
    else {
      queue.orphans.add(number);
      again = true;
    }
  }
  for (const number of queue.gone) if (!records.has(number)) queue.gone.delete(number);
  if (!queue.stale) queue.ready = true;
  queue.stale = false;
  if (again) look(queue);
}

/** It has ended, but whoever said so may have crashed before it was taken out of the store. */
function clearAway(queue: Queue, number: number): void {
  if (queue.role === 'rests') return;
  queue.effects.push({ do: 'remove', number }, { do: 'tell', message: { look: true } });
}

/** Another outbox on the same store says what it did. */
export function heard(queue: Queue, message: OutboxMessage): void {
  if ('look' in message) {
    look(queue);
    // Behind what is to be taken out here, and was told of before the new one listened.
    if (message.opened === true) queue.effects.push({ do: 'tell', message: { look: true } });
    return;
  }
  if ('erased' in message) {
    forgetAll(queue, message.erased);
    return look(queue);
  }
  const { number, state, value, refusal = null } = message;
  const entry = queue.entries.get(number);
  if (state === 'confirmed' || state === 'cancelled') {
    // It is taken out of the store behind the message.
    queue.gone.add(number);
    clearAway(queue, number);
    if (queue.gone.size > MOST_GONE && !queue.looking) look(queue);
  }
  if (entry === undefined) {
    if (state === 'sent') return;
    // It may be one whose number this outbox is only about to learn.
    if (queue.adding.size > 0 && !queue.tickets.has(number)) queue.early.set(number, message);
    else settle(queue, number, refusal, value);
  } else if (state === 'confirmed' || state === 'cancelled') finish(queue, entry, state, refusal, value);
  else if (entry.state === null && (state === 'rejected' || state === 'unknown'))
    keep(queue, entry, state, refusal ?? ownRefusal('outcome_unknown', '', true));
  else if (entry.firstMs === null) {
    // Until the store is read again; what sends reads it first.
    entry.firstMs = queue.turn.wallMs;
    noteChange(queue, entry);
  }
}

/** The user has gone, and the queue with them. */
export function forgetAll(queue: Queue, code: Refusal['code']): void {
  for (const lane of queue.lanes.values()) free(queue, lane);
  for (const [ticket] of queue.adding)
    queue.effects.push({ do: 'reject', ticket, refusal: ownRefusal(code) });
  for (const [number] of [...queue.tickets]) {
    const sent = queue.entries.get(number)?.firstMs !== null;
    settle(queue, number, ownRefusal(code, '', sent));
  }
  for (const entry of [...queue.entries.values()]) {
    leaveLane(queue, entry);
    queue.entries.delete(entry.number);
    noteChange(queue, entry, 'cancelled');
  }
  queue.adding.clear();
  queue.early.clear();
  queue.lanes.clear();
  queue.count = queue.bytes = queue.seen = 0;
  queue.ready = false;
  queue.stale = queue.looking;
}
