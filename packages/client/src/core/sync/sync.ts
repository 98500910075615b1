import { isFree } from '../channels/pace.ts';
import { utf8Bytes } from '../channels/queue-room.ts';
import type { RefusalCode, Turn } from '../events.ts';
import {
  type Change,
  type MutationItem,
  type Rejection,
  type SyncToken,
  decodeMutation,
  encodeMutation,
} from './mutation.ts';
import { accept, answered, hurry, look, pump } from './sending.ts';
import {
  type Held,
  type SyncData,
  type SyncEntry,
  type SyncSettings,
  finish,
  hold,
  isComplete,
  itemOf,
  letGo,
  newSyncData,
} from './state.ts';
import type { SyncEffect, SyncEvent, SyncMessage } from './sync-events.ts';
import {
  confirmFound,
  confirmVersions,
  includes,
  refsOf,
  takeChanges,
  takeSnapshot,
  truthKeys,
} from './truth.ts';
import { conflictOf, refreshView } from './view.ts';

/**
 * A map channel with the mutations of its user on top: decisions only, as those of the outbox. The same events and turns give the same
 * effects. Mutators run within it.
 */
export type SyncMachine = {
  /** @returns what is to be done, in its order; the list is the caller's */
  handle(event: SyncEvent, turn: Turn): readonly SyncEffect[];
  /** What is to be seen, by key: the machine's own. */
  entries(): ReadonlyMap<string, SyncEntry>;
  /** What is not confirmed, in the order in which it is applied. */
  items(): readonly MutationItem[];
  /** Whether what the channel shows includes what the token stands for. `fresh`: also what was seen long ago. */
  includes(token: SyncToken, fresh: boolean): boolean;
  readonly state: SyncState;
};

/** Where a sync stands. */
export type SyncState = {
  /** `loading`: not everything was here yet. `live`: it is. `stale`: it was, and the channel is not live now. */
  readonly status: 'loading' | 'live' | 'stale';
  /** Mutations that are not confirmed. */
  readonly pending: number;
  /** Mutations that were accepted and let go of without having been seen. */
  readonly settled: number;
  /** Why the last attempt to send failed; null: it did not. For people. */
  readonly failure: string | null;
};

export function createSyncMachine(settings: SyncSettings): SyncMachine {
  const sync = newSyncData(settings);
  return {
    handle(event, turn) {
      sync.turn = turn;
      sync.effects = [];
      sync.viewChanged = false;
      handle(sync, event);
      // What is rejected here is not sent, and what is sent is not rejected here.
      refreshView(sync);
      pump(sync);
      setAlarm(sync);
      if (isComplete(sync)) sync.wasComplete = true;
      if (sync.viewChanged) sync.effects.push({ do: 'changed' });
      return sync.effects;
    },
    entries: () => sync.view,
    items: () => sync.held.map((held) => itemOf(held, held.state)),
    includes: (token, fresh) =>
      includes(sync, token) || (fresh && typeof token === 'string' && refsOf(sync).has(token)),
    get state(): SyncState {
      const { held, settled, failure, wasComplete } = sync;
      const behind = wasComplete ? 'stale' : 'loading';
      const status = isComplete(sync) ? 'live' : behind;
      return { status, pending: held.length, settled, failure };
    },
  };
}

function handle(sync: SyncData, event: SyncEvent): void {
  switch (event.type) {
    case 'open':
      return look(sync);
    case 'mutate':
      return mutate(sync, event.change);
    case 'inserted':
      return inserted(sync, event.id, event.number);
    case 'insertFailed': {
      const held = sync.byId.get(event.id);
      if (held !== undefined)
        finish(sync, held, 'rejected', { code: 'storage_failed', detail: event.detail, unknown: false });
      return;
    }
    case 'loaded':
      return loaded(sync, event.records);
    case 'changes':
      return takeChanges(sync, event.changes);
    case 'live':
      return setLive(sync, event.live);
    case 'lost':
      sync.wantsSnapshot = sync.settings.snapshot;
      sync.deletedSince = null;
      return;
    case 'reading':
      sync.deletedSince = new Set();
      return;
    case 'snapshot':
      takeSnapshot(sync, event.entries);
      return touchHeld(sync);
    case 'running':
      sync.running = event.running;
      return;
    case 'online':
      return hurry(sync);
    case 'led':
      if (sync.role !== 'asks') return;
      sync.role = 'leads';
      touchHeld(sync);
      // Another tab may have put something there, and crashed before it said so.
      return look(sync);
    case 'answered':
      return answered(sync, event.attempt, event.answer);
    case 'heard':
      return heard(sync, event.message);
    case 'forget':
      forget(sync, event.code);
      sync.effects.push({ do: 'erase' }, { do: 'tell', message: { erased: event.code } });
      return;
    case 'alarm':
      sync.alarmAtMs = null;
      return settle(sync);
  }
}

function mutate(sync: SyncData, change: Change): void {
  const { settings, effects } = sync;
  const text = encodeMutation(change);
  const bytes = utf8Bytes(text);
  const held: Held = {
    change,
    bytes,
    number: Infinity,
    state: 'queued',
    token: null,
    untilMs: Infinity,
    failures: 0,
    found: false,
    attempt: 0,
  };
  const rejection = refusalOf(sync, held, settings);
  if (rejection !== null) {
    effects.push({ do: 'told', item: itemOf(held, 'rejected', rejection) });
    return;
  }
  hold(sync, held);
  effects.push({ do: 'told', item: itemOf(held, 'queued') }, { do: 'insert', id: change.id, text });
}

/** Why a mutation is refused at once, where it is: no room, or it does not apply to what its user sees. */
function refusalOf(sync: SyncData, { change, bytes }: Held, settings: SyncSettings): Rejection | null {
  if (sync.held.length >= settings.count || sync.bytes + bytes > settings.bytes)
    return { code: 'queue_full', detail: 'as much waits as may', unknown: false };
  try {
    settings.mutators[change.name]?.(sync.view.get(change.key)?.value, change.args);
    return null;
  } catch (error) {
    return conflictOf(error, false);
  }
}

function inserted(sync: SyncData, id: string, number: number): void {
  if (number === sync.seen + 1) sync.seen = number;
  sync.effects.push({ do: 'tell', message: { look: true } });
  const held = sync.byId.get(id);
  if (held !== undefined) {
    // Others may have been given numbers before it.
    letGo(sync, held);
    sync.ended.delete(id);
    held.number = number;
    hold(sync, held);
  } else sync.effects.push({ do: 'remove', number });
}

function loaded(sync: SyncData, records: ReadonlyMap<number, string>): void {
  const again = sync.lookAgain;
  sync.looking = sync.lookAgain = false;
  const found: Held[] = [];
  for (const [number, text] of records) {
    sync.seen = Math.max(sync.seen, number);
    const stored = decodeMutation(text);
    if (stored === null || sync.byId.has(stored.id)) continue;
    if (sync.ended.has(stored.id)) {
      // Whoever ended it may have crashed before it was taken out.
      sync.effects.push({ do: 'remove', number });
      continue;
    }
    const { token, ...change } = stored;
    const held: Held = {
      change,
      bytes: utf8Bytes(text),
      number,
      state: 'queued',
      token: null,
      untilMs: Infinity,
      failures: 0,
      found: true,
      attempt: 0,
    };
    hold(sync, held);
    found.push(held);
    if (token === undefined) sync.effects.push({ do: 'told', item: itemOf(held, 'queued') });
    else accept(sync, held, token);
  }
  if (again) look(sync);
  confirmFound(sync, found);
}

/** The channel is complete, or no longer heard of: what was accepted is waited for only while its event could come. */
function setLive(sync: SyncData, live: boolean): void {
  if (sync.live === live) return;
  sync.live = live;
  for (const held of sync.held)
    if (held.state === 'accepted') held.untilMs = live ? sync.turn.nowMs + sync.settings.settleMs : Infinity;
  touchHeld(sync);
}

/** What could not be said before may be said now. */
function touchHeld(sync: SyncData): void {
  for (const { change } of sync.held) sync.touched.add(change.key);
}

/** Its event did not come: what the channel shows counts. */
function settle(sync: SyncData): void {
  for (const held of [...sync.held]) {
    if (held.untilMs > sync.turn.nowMs) continue;
    sync.settled++;
    finish(sync, held, 'settled');
  }
}

/** Another sync on the same store says what it did. */
function heard(sync: SyncData, message: SyncMessage): void {
  if ('look' in message) return look(sync);
  if ('erased' in message) return forget(sync, message.erased);
  const { id, state, token, rejection } = message;
  const held = sync.byId.get(id);
  if (held === undefined) {
    // A look that is under way may find it still.
    if (state !== 'accepted') sync.ended.add(id);
    return;
  }
  if (state !== 'rejected' && state !== 'cancelled') {
    // Also where another tab has seen it: until this one has, the former value would be seen in between.
    if (held.state !== 'accepted') accept(sync, held, token);
    return confirmVersions(sync);
  }
  letGo(sync, held);
  sync.effects.push({ do: 'told', item: itemOf(held, state, rejection) });
}

/** The user has gone, and the queue and all that was known with them. */
function forget(sync: SyncData, code: RefusalCode): void {
  for (const held of [...sync.held]) {
    const unknown = held.state !== 'queued' || held.found;
    letGo(sync, held);
    const rejection: Rejection = { code, detail: '', unknown };
    sync.effects.push({ do: 'told', item: itemOf(held, 'cancelled', rejection) });
  }
  for (const key of truthKeys(sync)) sync.touched.add(key);
  sync.channel.clear();
  sync.app.clear();
  sync.seenRefs.clear();
  sync.deletedVersions.clear();
  sync.deletedSince = null;
  sync.wantsSnapshot = sync.settings.snapshot;
  sync.wasComplete = sync.live = false;
}

/** One alarm: for the lane that may be sent on next, and the mutation that settles next. */
function setAlarm(sync: SyncData): void {
  const { nowMs } = sync.turn;
  let atMs = Infinity;
  for (const { untilMs } of sync.held) atMs = Math.min(atMs, untilMs);
  if (sync.role === 'leads')
    for (const [name, { pace }] of sync.lanes)
      if (pace.freeAtMs > nowMs) atMs = Math.min(atMs, pace.freeAtMs);
      else if (isFree(pace, nowMs)) sync.lanes.delete(name);
  const alarm = atMs === Infinity ? null : atMs;
  if (alarm === sync.alarmAtMs) return;
  sync.alarmAtMs = alarm;
  sync.effects.push(
    alarm === null
      ? { do: 'clearAlarm' }
      : { do: 'setAlarm', delayMs: Math.max(0, Math.ceil(alarm - nowMs)) },
  );
}
