import { refusal as ownRefusal } from '../channels/machine.ts';
import type { Refusal } from '../channels/channel-events.ts';
import { failedForNow, passed } from '../channels/pace.ts';
import { isDuplicate } from './outbox-events.ts';
import {
  type Entry,
  type OutboxLane,
  type Queue,
  finish,
  free,
  keep,
  laneNameOf,
  laneOf,
  noteChange,
  remove,
} from './queue.ts';
import { decode, encode, newQueue } from './stored-entry.ts';

/** Entries that are handed over at once: fewer than the channels send at once, so that others have their turn. */
const HANDED_AT_ONCE = 24;

/** How often an entry is sent on whose failure nothing says whether it was carried out. */
const MOST_TRIES = 5;

/** Behind the first of them, ms; it doubles, so that a server which fails for half a minute costs nobody what they did. */
const FIRST_TRY_PAUSE_MS = 2_000;

/** Sends the first of each lane that may be sent. */
export function pump(queue: Queue): void {
  if (queue.role === 'rests' || !queue.ready) return;
  for (const lane of queue.lanes.values()) {
    if (queue.busy >= HANDED_AT_ONCE) return;
    if (!lane.busy && queue.turn.nowMs >= lane.pace.freeAtMs) sendFirst(queue, lane);
  }
}

function sendFirst(queue: Queue, lane: OutboxLane): void {
  const { wallMs } = queue.turn;
  const [entry] = lane.waiting;
  if (entry === undefined || entry.ending !== null) return;
  if (entry.firstMs !== null && wallMs - entry.firstMs > queue.settings.sureMs) {
    end(queue, entry, 'unknown', ownRefusal('outcome_unknown', '', true));
    return;
  }
  // Another outbox may have put one before it: once this one is taken the server passes over lower numbers.
  if (entry.number > queue.seen) {
    if (!queue.looking) look(queue);
    return;
  }
  lane.busy = true;
  queue.busy++;
  // Behind all others, whose turn comes first.
  queue.lanes.delete(laneNameOf(entry.request));
  queue.lanes.set(laneNameOf(entry.request), lane);
  const { number } = entry;
  if (entry.queue === '') queue.effects.push({ do: 'mark', number, atMs: wallMs, queue: queue.id });
  else hand(queue, lane, entry);
}

/** Reads the store, once more where that is being done already: what it finds may be older than this. */
export function look(queue: Queue): void {
  queue.lookAgain = queue.looking;
  if (!queue.looking) queue.effects.push({ do: 'look' });
  queue.looking = true;
}

/** The store holds that it is being sent: only now it may be. @param text null: the entry is gone; undefined: it failed */
export function marked(queue: Queue, number: number, text: string | null | undefined): void {
  const entry = queue.entries.get(number);
  if (entry === undefined || entry.state !== null || entry.ending !== null) return;
  const lane = laneOf(queue, entry.request);
  if (text === null) {
    finish(queue, entry, 'cancelled', ownRefusal('outcome_unknown', '', true));
    return;
  }
  if (entry.queue === '') {
    const stored = text === undefined ? null : decode(text);
    // Where nobody leads alone another may have sent it to its end since the store was read.
    if (stored?.end !== undefined) return keep(queue, entry, stored.end.state, stored.end.refusal);
    // A store that fails must not stop the queue: the number was kept before, which is what counts.
    entry.fresh = entry.firstMs === null && queue.role === 'alone';
    entry.firstMs = stored?.first ?? queue.turn.wallMs;
    entry.queue = stored?.q ?? queue.id;
    noteChange(queue, entry);
    queue.effects.push({ do: 'tell', message: { number, state: 'sent' } });
  }
  // Where the line went meanwhile, it is not its turn any more; where it is back it may have been sent already.
  if (lane.busy && lane.waiting[0] === entry && lane.hand === null) hand(queue, lane, entry);
}

function hand(queue: Queue, lane: OutboxLane, entry: Entry): void {
  const { request, number } = entry;
  lane.hand = ++queue.lastHand;
  queue.hands.set(lane.hand, entry);
  queue.effects.push({ do: 'hand', hand: lane.hand, request, queue: entry.queue, number });
}

export function answered(queue: Queue, handed: number, value: unknown): void {
  const entry = queue.hands.get(handed);
  if (entry === undefined) return;
  const { number, request } = entry;
  passed(laneOf(queue, request).pace);
  if (entry.fresh && isDuplicate(request, value)) {
    // The store has gone back in time, to before a number was used: a backup, or a disk that lost what it said it had kept.
    if (entry.queue === queue.id) {
      queue.id = newQueue(queue.turn.random, queue.turn.wallMs);
      queue.effects.push({ do: 'setQueue', queue: queue.id });
    }
    return end(queue, entry, 'unknown', ownRefusal('outcome_unknown', '', true));
  }
  // Told before it is removed: whoever finds it gone has been told why.
  queue.effects.push({ do: 'tell', message: { number, state: 'confirmed', value } });
  queue.effects.push({ do: 'remove', number });
  finish(queue, entry, 'confirmed', null, value);
}

export function refused(queue: Queue, handed: number, refusal: Refusal): void {
  const entry = queue.hands.get(handed);
  if (entry === undefined) return;
  const { code, unknown, retryAfterMs } = refusal;
  const lane = laneOf(queue, entry.request);
  const again =
    retryAfterMs !== undefined ||
    ['queue_full', 'unavailable', 'rate_limited'].includes(code) ||
    // A call whose time was over before it was sent.
    (code === 'deadline_exceeded' && !unknown);
  let pauseMs = retryAfterMs ?? 0;
  if (code !== 'line_lost' && !again) {
    if (!unknown) return end(queue, entry, 'rejected', refusal);
    pauseMs = FIRST_TRY_PAUSE_MS * 2 ** entry.tries;
    if (++entry.tries >= MOST_TRIES) return end(queue, entry, 'unknown', refusal);
  }
  free(queue, lane);
  entry.fresh = false;
  const { nowMs, random } = queue.turn;
  failedForNow(lane.pace, nowMs, pauseMs, random);
}

/**
 * It ended otherwise than was hoped for, which counts once the store holds it. Until then it keeps its place: were the next of its
 * lane taken, and the page gone before this is written, it would be sent again, and be answered as if it had been taken long ago.
 */
function end(queue: Queue, entry: Entry, state: 'rejected' | 'unknown', refusal: Refusal): void {
  const { number, request: what, atMs: at, firstMs, queue: q } = entry;
  const first = firstMs ?? undefined;
  entry.ending = { state, refusal };
  const lane = laneOf(queue, what);
  if (lane.hand !== null) queue.hands.delete(lane.hand);
  lane.hand = null;
  queue.effects.push({ do: 'save', number, text: encode({ what, at, first, q, end: entry.ending }) });
}

/** The store holds how it ended, or cannot: it is told, to the app and to others. The oldest are forgotten beyond a bound. */
export function saved(queue: Queue, number: number): void {
  const entry = queue.entries.get(number);
  if (entry === undefined || entry.ending === null || entry.state !== null) return;
  const { state, refusal } = entry.ending;
  queue.effects.push({ do: 'tell', message: { number, state, refusal } });
  keep(queue, entry, state, refusal);
  const kept = [...queue.entries.values()].filter((other) => other.state !== null);
  for (const oldest of kept.slice(0, -queue.settings.kept || kept.length)) dismiss(queue, oldest);
}

export function dismiss(queue: Queue, entry: Entry): void {
  const { number } = entry;
  queue.effects.push({ do: 'remove', number }, { do: 'tell', message: { look: true } });
  forgetEntry(queue, entry);
}

/** It is in the list no more, and nothing is told of it. */
export function forgetEntry(queue: Queue, entry: Entry): void {
  remove(queue, entry);
  // The list has changed.
  noteChange(queue, entry);
}
