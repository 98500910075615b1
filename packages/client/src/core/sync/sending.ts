import { failedForNow, newPace, passed } from '../channels/pace.ts';
import { serverWindowMs } from '../backoff.ts';
import { type SendResult, encodeMutation } from './mutation.ts';
import { type Held, type SyncData, finish, itemOf, laneOf } from './state.ts';
import { confirmVersions } from './truth.ts';

/** Requests that are under way at once, where each key has an order of its own: browsers open six connections to a host. */
const SENT_AT_ONCE = 4;

/** Sends the first of each lane, where this one leads; asks to lead, or gives it up. */
export function pump(sync: SyncData): void {
  const { effects } = sync;
  const waits =
    sync.running && sync.held.some(({ state, number }) => state !== 'accepted' && number < Infinity);
  if (!waits) {
    // What could not be sent is done all the same, or is nobody's wish any more.
    sync.failure = null;
    if (sync.role !== 'rests') rest(sync);
    return;
  }
  if (sync.role === 'rests') {
    sync.role = 'asks';
    effects.push({ do: 'lead' });
  }
  if (sync.role !== 'leads') return;
  const busy = new Set<unknown>();
  for (const held of sync.held) {
    if (busy.size >= SENT_AT_ONCE) return;
    const lane = laneOf(sync, held.change);
    if (held.state === 'accepted' || busy.has(lane)) continue;
    // Whether it goes out or not, it is the first of its lane.
    busy.add(lane);
    if (held.attempt !== 0 || sync.turn.nowMs < lane.pace.freeAtMs) continue;
    // Another tab may have put one before it.
    if (held.number > sync.seen) look(sync);
    else send(sync, held);
  }
}

function send(sync: SyncData, held: Held): void {
  held.attempt = ++sync.lastAttempt;
  if (held.state === 'queued') {
    held.state = 'sent';
    sync.effects.push({ do: 'told', item: itemOf(held, 'sent') });
  }
  sync.effects.push({ do: 'send', attempt: held.attempt, change: held.change });
}

/** It sends no more; what is under way is sent again by whoever leads next. */
export function rest(sync: SyncData): void {
  sync.role = 'rests';
  for (const held of sync.held) held.attempt = 0;
  sync.effects.push({ do: 'rest' });
}

/** Reads the store, once more where that is being done already: what it finds may be older than this. */
export function look(sync: SyncData): void {
  sync.lookAgain = sync.looking;
  if (!sync.looking) sync.effects.push({ do: 'look' });
  sync.looking = true;
}

/** The line is back: whoever waits only because an attempt failed waits no more. */
export function hurry(sync: SyncData): void {
  for (const lane of sync.lanes.values())
    lane.pace = { ...newPace(), freeAtMs: lane.askedUntilMs, heldUntilMs: lane.askedUntilMs };
}

export function answered(sync: SyncData, attempt: number, answer: SendResult): void {
  const held = sync.held.find((each) => each.attempt === attempt);
  // Its publication was here first, or it is another's to send by now.
  if (held === undefined) return;
  held.attempt = 0;
  const lane = laneOf(sync, held.change);
  const { nowMs, random } = sync.turn;
  sync.failure = null;
  if (answer.result === 'retry') {
    const { retryAfterMs = 0, reason, failed = false } = answer;
    sync.failure = reason;
    if (failed && ++held.failures >= sync.settings.failures)
      return finish(sync, held, 'rejected', { code: 'outcome_unknown', detail: reason, unknown: true });
    const askedMs = serverWindowMs(retryAfterMs);
    if (askedMs > 0) lane.askedUntilMs = nowMs + askedMs;
    return failedForNow(lane.pace, nowMs, askedMs, random);
  }
  passed(lane.pace);
  if (answer.result === 'rejected') {
    const { code: error, message: detail, data } = answer;
    return finish(sync, held, 'rejected', { code: 'rejected', detail, unknown: false, error, data });
  }
  const { number, change } = held;
  const token = answer.token ?? null;
  accept(sync, held, token);
  sync.effects.push({ do: 'save', number, text: encodeMutation({ ...change, token }) });
  sync.effects.push({
    do: 'tell',
    message: { id: change.id, state: 'accepted', token, rejection: null },
  });
  confirmVersions(sync);
}

/** The backend has it. It stays applied until what the channel shows includes it: else the former value would be seen in between. */
export function accept(sync: SyncData, held: Held, token: Held['token']): void {
  held.state = 'accepted';
  held.token = token;
  held.attempt = 0;
  held.untilMs = sync.live ? sync.turn.nowMs + sync.settings.settleMs : Infinity;
  sync.touched.add(held.change.key);
  sync.effects.push({ do: 'told', item: itemOf(held, 'accepted') });
}
