import { CarillonError } from '../carillon-error.ts';
import { errorOf } from '../channels/channel-shell.ts';
import { type BesidePart, HOST, type Host } from '../channels/host.ts';
import { toJson } from '../channels/json.ts';
import type { MapChannel } from '../channels/map-channel.ts';
import { channelEventsOf } from '../core/channels/connection-events.ts';
import type { MutationItem, SendResult } from '../core/sync/mutation.ts';
import type { SyncEntry } from '../core/sync/state.ts';
import { createSyncMachine } from '../core/sync/sync.ts';
import type { SyncEffect, SyncEvent } from '../core/sync/sync-events.ts';
import { createListeners, guarded } from '../listeners.ts';
import { webSocketUrl } from '../options.ts';
import { memoryStore } from '../outbox/memory-store.ts';
import { newQueue } from '../core/outbox/stored-entry.ts';
import type { Store } from '../stores/store.ts';
import { createMutationHandles } from './handles.ts';
import { createSnapshotReader } from './snapshot-reader.ts';
import { createStoreWork } from './store-work.ts';
import type { Mutators, PendingMutation, Sync, SyncOptions, SyncStatus } from './sync-types.ts';
import { createTurnStores } from './turn-store.ts';
import { createWaiting } from './waiting.ts';

const DEFAULT_COUNT = 1_000;

/** Browsers give an origin far more, and memory holds them too. */
const DEFAULT_BYTES = 4 * 1024 * 1024;

/** A backend that thinks longer than a call may is taken for one that never answers, ms. */
const DEFAULT_TIMEOUT_MS = 15_000;

/** Thirty times as long as a publication may take from the backend to here, ms. */
const DEFAULT_SETTLE_MS = 30_000;

/** With pauses that double up to 20 s these are five minutes: a backend that fails for so long on one change holds up the others no more. */
const DEFAULT_FAILURES = 20;

/**
 * One's own data, changed at once and by the backend: a map channel with mutations on top, which are kept, sent in order, and let go of when the channel
 * shows them. Subscribes to the channel until `close()`.
 *
 * @throws CarillonError `options_invalid`
 */
export function createSync<Value, const M extends Mutators<Value>>(
  channel: MapChannel<never, Value>,
  options: SyncOptions<NoInfer<Value>, M>,
): Sync<Value, M> {
  const { mutators, send, store = memoryStore(), order = 'all', snapshot } = options;
  const { count = DEFAULT_COUNT, bytes = DEFAULT_BYTES, failures = DEFAULT_FAILURES } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS, settleMs = DEFAULT_SETTLE_MS } = options;
  if (!(count >= 1 && bytes >= 1 && failures >= 1 && timeoutMs > 0 && settleMs > 0))
    throw new CarillonError('options_invalid', 'sync');
  // Every handle of a map has it.
  const {
    platform,
    records,
    options: of,
    state,
    beside,
  } = (channel as unknown as { readonly [HOST]: Host })[HOST];
  const { report } = platform;
  const { username: user } = of;
  const machine = createSyncMachine({
    // The contract's words for what the server checked, and for what was written here.
    mutators: mutators as never,
    order,
    count,
    bytes,
    settleMs,
    failures,
    snapshot: snapshot !== undefined,
  });
  const stores = createTurnStores(platform);
  const handles = createMutationHandles();
  const told = createListeners<PendingMutation>(report);
  const waiting = createWaiting(platform, machine.includes);
  /** Differs between pages and lives of one: the ids of one are counted behind it. */
  const prefix = newQueue(platform.random(), platform.wallMs());
  let lastId = 0;
  const events: SyncEvent[] = [];
  let busy = false;
  let closing: Promise<void> | null = null;
  let cancelAlarm = (): void => {};
  let calledOff = new AbortController();
  let entries: readonly SyncEntry<Value>[] | null = null;
  let mutations: readonly PendingMutation[] | null = null;
  let status: SyncStatus | null = null;
  let onReady = (): void => {};
  const ready = new Promise<void>((resolve) => (onReady = resolve));

  function dispatch(event: SyncEvent): void {
    events.push(event);
    if (busy || closing !== null) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const turn = { nowMs: platform.nowMs(), wallMs: platform.wallMs(), random: platform.random() };
      const effects = machine.handle(next, turn);
      // First: whoever is told of anything finds what is so by now.
      if (effects.some((effect) => effect.do === 'changed')) entries = null;
      if (effects.some((effect) => effect.do === 'told')) mutations = null;
      for (const effect of effects) guarded(() => perform(effect), report);
      if (next.type === 'loaded') onReady();
      waiting.look();
      stores.changed();
    }
    busy = false;
  }

  function perform(effect: SyncEffect): void {
    switch (effect.do) {
      case 'told': {
        const { item } = effect;
        const pending = pendingOf(item);
        const { error } = pending;
        handles.tell(item, error);
        if (error !== null) waiting.end(item, error);
        return told.tell(pending);
      }
      case 'send':
        return sendOne(effect.attempt, { ...effect.change, user });
      case 'setAlarm':
        cancelAlarm();
        cancelAlarm = platform.setTimer(effect.delayMs, () => dispatch({ type: 'alarm' }));
        return;
      case 'clearAlarm':
        return cancelAlarm();
      case 'changed':
        // Seen to already.
        return;
      case 'rest':
        calledOff.abort();
        calledOff = new AbortController();
        return work.perform(effect);
      default:
        return work.perform(effect);
    }
  }

  /** An attempt ends, whatever becomes of its request. */
  function sendOne(attempt: number, mutation: Parameters<typeof send>[0]): void {
    const { signal } = calledOff;
    const mine = new AbortController();
    const abort = (): void => mine.abort();
    signal.addEventListener('abort', abort);
    let over = false;
    const end = (answer: SendResult): void => {
      if (over) return;
      over = true;
      cancel();
      signal.removeEventListener('abort', abort);
      dispatch({ type: 'answered', attempt, answer });
    };
    const cancel = platform.setTimer(timeoutMs, () => {
      end({ result: 'retry', reason: 'deadline_exceeded' });
      abort();
    });
    const failed = (error: unknown): void => end({ result: 'retry', reason: String(error) });
    new Promise<SendResult>((resolve) => resolve(send(mutation, { signal: mine.signal }))).then(end, failed);
  }

  const work = createStoreWork(
    store,
    JSON.stringify([webSocketUrl(of.url, platform.baseUrl), user, 'sync', channel.channel]),
    platform,
    dispatch,
  );
  const reader = createSnapshotReader(platform, snapshot, dispatch);

  /** The channel as it is now: it may have been live before this began, and is idle when the user has logged out. */
  function follow(): void {
    const live = channel.state.status === 'live';
    dispatch({ type: 'live', live });
    reader.follow(live);
  }

  const part: BesidePart = {
    written: work.written,
    follow(event, now, effects) {
      const running = !['idle', 'stopped', 'leaving'].includes(now.phase.name);
      for (const each of channelEventsOf(event, now, effects)) {
        if (each.type === 'forget') {
          reader.lose();
          dispatch(each);
          waiting.endAll(new CarillonError(each.code, ''));
        } else if (each.type === 'live') {
          // A logout gave it up.
          if (channel.state.status === 'idle') void channel.subscribe();
          dispatch({ type: 'online' });
        }
      }
      dispatch({ type: 'running', running });
    },
  };
  beside.add(part);
  const ends = [
    records.listen(channel.channel, 'changes', ({ changes }) => dispatch({ type: 'changes', changes })),
    channel.onLost(() => {
      reader.lose();
      dispatch({ type: 'lost' });
    }),
    channel.onState(follow),
    () => beside.delete(part),
    reader.lose,
    () => channel.unsubscribe(),
  ];
  dispatch({ type: 'open' });
  const held = [...channel].map((after) => ({ key: after.key, before: undefined, after }));
  dispatch({ type: 'changes', changes: held });
  follow();
  dispatch({ type: 'running', running: !['idle', 'stopped', 'leaving'].includes(state().phase.name) });
  void channel.subscribe();

  async function close(): Promise<void> {
    cancelAlarm();
    calledOff.abort();
    for (const end of ends) end();
    waiting.endAll(new CarillonError('cancelled', 'closed'));
    await work.close().catch(report);
  }

  const read = machine.entries() as ReadonlyMap<string, SyncEntry<Value>>;
  const keys = new Map<string, Store<SyncEntry<Value> | undefined>>();

  function readStatus(): SyncStatus {
    const next: SyncStatus = { ...machine.state, durable: work.durable, channel: channel.state };
    const names = Object.keys(next) as (keyof SyncStatus)[];
    const before = status;
    return before !== null && names.every((name) => before[name] === next[name]) ? before : (status = next);
  }

  const all = stores.of<readonly SyncEntry<Value>[]>(
    [],
    () => (entries ??= [...read.values()].sort((a, b) => (a.key < b.key ? -1 : 1))),
  );
  return {
    ...all,
    entry: (key) => read.get(key),
    key(key) {
      const known = keys.get(key) ?? stores.of<SyncEntry<Value> | undefined>(undefined, () => read.get(key));
      keys.set(key, known);
      return known;
    },
    status: stores.of<SyncStatus>(readStatus(), readStatus),
    ready,
    mutate(name, key, ...[args]) {
      if (!Object.hasOwn(mutators, name)) throw new CarillonError('options_invalid', `no mutator ${name}`);
      const text = args === undefined ? undefined : toJson(args);
      if (text instanceof CarillonError) throw text;
      const id = `${prefix}-${++lastId}`;
      const mutation = handles.make(id, name, key);
      // As it will be behind a reload.
      const kept: unknown = text === undefined ? undefined : JSON.parse(text);
      dispatch({ type: 'mutate', change: { id, name, key, args: kept, atMs: platform.wallMs() } });
      return mutation;
    },
    mutations: () => (mutations ??= machine.items().map(pendingOf)),
    isPending: (key) => machine.items().some((item) => item.key === key),
    onMutation: (listener) => told.add(listener),
    onRejected: (listener) =>
      told.add((mutation) => {
        if (mutation.state === 'rejected') listener(mutation);
      }),
    until: (token, waitFor = {}) =>
      waiting.until(typeof token === 'object' && 'id' in token ? token.id : token, waitFor),
    close: () => (closing ??= close()),
  };
}

function pendingOf({ rejection, token: _, ...item }: MutationItem): PendingMutation {
  return { ...item, error: rejection === null ? null : errorOf(rejection as Parameters<typeof errorOf>[0]) };
}
