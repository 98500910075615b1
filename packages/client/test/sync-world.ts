import type { MapChange, MapEntry } from '../src/core/channels/map-view.ts';
import type { Change, MutationState, SendResult } from '../src/core/sync/mutation.ts';
import type { AnyMutator } from '../src/core/sync/state.ts';
import { type SyncMachine, createSyncMachine } from '../src/core/sync/sync.ts';
import type { SyncEffect, SyncEvent, SyncMessage } from '../src/core/sync/sync-events.ts';

/** A value is the list of the changes that made it, so that one which is missing or there twice can be seen. */
type Value = readonly string[];

const add: AnyMutator = (value, tag) => [...((value as Value | undefined) ?? []), tag];

/** One publication of the channel. */
type Publication = MapEntry;

type Flight = {
  readonly attempt: number;
  readonly change: Change;
  /** On its way back; null: it has not been served. */
  answer: SendResult | null;
};

export type SyncTab = {
  readonly machine: SyncMachine;
  readonly made: { readonly tag: string; readonly key: string; readonly id: string }[];
  /** What was told of each mutation, by its id. */
  readonly told: Map<string, MutationState[]>;
  /** What is to be done with the store, in its order. */
  readonly work: (() => void)[];
  readonly inbox: SyncMessage[];
  readonly flights: Flight[];
  alarmAtMs: number | null;
  /** Counts what it asked for, so that what it has given up meanwhile is not asked for. */
  leading: number;
  asks: boolean;
  alive: boolean;
  /** How far into the log it has heard. */
  at: number;
  readonly entries: Map<string, Publication>;
  live: boolean;
  /** What it ever saw of others. */
  readonly seen: Set<string>;
  /** It was given a snapshot in place of what it missed. */
  skipped: boolean;
};

export type Fate = 'ok' | 'lost' | 'failed' | 'busy' | 'rejected';

export type SyncWorld = ReturnType<typeof createSyncWorld>;

/** @param versions whether the backend gives its answers and publications a version */
export function createSyncWorld(versions: boolean) {
  const texts = new Map<number, string>();
  const tabs: SyncTab[] = [];
  let lastNumber = 0;
  let lastTag = 0;
  let nowMs = 0;
  let leader: SyncTab | null = null;
  /** What the backend holds, what it answered to each id, and what it has not published yet. */
  const truth = new Map<string, Value>();
  const answers = new Map<string, SendResult>();
  const applied: Change[] = [];
  const unpublished: Publication[] = [];
  const log: Publication[] = [];
  let version = 0;

  function commit(key: string, tag: string, ref?: string): void {
    const value = [...(truth.get(key) ?? []), tag];
    truth.set(key, value);
    version++;
    const { length } = log;
    unpublished.push({
      key,
      value,
      offset: length + unpublished.length + 1,
      atMs: null,
      by: null,
      version: versions ? version : null,
      ...(ref === undefined ? {} : { ref }),
    });
  }

  function serveChange(change: Change, reject: boolean): SendResult {
    const known = answers.get(change.id);
    if (known !== undefined) return known;
    let answer: SendResult = { result: 'rejected', code: 'taken', message: 'somebody else has it' };
    if (!reject) {
      applied.push(change);
      commit(change.key, change.args as string, change.id);
      answer = { result: 'accepted', token: versions ? { key: change.key, version } : undefined };
    }
    answers.set(change.id, answer);
    return answer;
  }

  function dispatch(tab: SyncTab, event: SyncEvent): void {
    const effects = tab.machine.handle(event, { nowMs, wallMs: nowMs, random: 0.5 });
    for (const effect of effects) perform(tab, effect);
  }

  function post(from: SyncTab, message: SyncMessage): void {
    for (const tab of tabs) if (tab !== from && tab.alive) tab.inbox.push(message);
  }

  function perform(tab: SyncTab, effect: SyncEffect): void {
    const { work } = tab;
    switch (effect.do) {
      case 'insert':
        work.push(() => {
          texts.set(++lastNumber, effect.text);
          dispatch(tab, { type: 'inserted', id: effect.id, number: lastNumber });
        });
        return;
      case 'save':
        work.push(() => void (texts.has(effect.number) && texts.set(effect.number, effect.text)));
        return;
      case 'remove':
        work.push(() => void texts.delete(effect.number));
        return;
      case 'look':
        work.push(() => dispatch(tab, { type: 'loaded', records: new Map(texts) }));
        return;
      case 'erase':
        work.push(() => texts.clear());
        return;
      case 'tell':
        work.push(() => post(tab, effect.message));
        return;
      case 'lead': {
        const own = ++tab.leading;
        work.push(() => {
          tab.asks = own === tab.leading;
        });
        return;
      }
      case 'rest':
        tab.leading++;
        tab.asks = false;
        tab.flights.length = 0;
        work.push(() => {
          if (leader === tab) leader = null;
        });
        return;
      case 'send':
        tab.flights.push({ attempt: effect.attempt, change: effect.change, answer: null });
        return;
      case 'told': {
        const { id, state } = effect.item;
        tab.told.set(id, [...(tab.told.get(id) ?? []), state]);
        return;
      }
      case 'setAlarm':
        tab.alarmAtMs = nowMs + effect.delayMs;
        return;
      case 'clearAlarm':
        tab.alarmAtMs = null;
        return;
      case 'changed':
    }
  }

  function hear(tab: SyncTab, to: number): void {
    const changes: MapChange[] = [];
    for (const after of log.slice(tab.at, to)) {
      changes.push({ key: after.key, before: tab.entries.get(after.key), after, ref: after.ref });
      tab.entries.set(after.key, after);
    }
    tab.at = to;
    if (changes.length > 0) dispatch(tab, { type: 'changes', changes });
  }

  function lock(): void {
    leader = leader?.alive === true ? leader : null;
    if (leader !== null) return;
    leader = tabs.find((tab) => tab.alive && tab.asks) ?? null;
    if (leader !== null) dispatch(leader, { type: 'led' });
  }

  const world = {
    versions,
    texts,
    tabs,
    truth,
    applied,
    answers,
    openTab(): SyncTab {
      const tab: SyncTab = {
        machine: createSyncMachine({
          mutators: { add },
          order: 'all',
          count: 1_000,
          bytes: 1e6,
          settleMs: 30_000,
          failures: 5,
          snapshot: false,
        }),
        made: [],
        told: new Map(),
        work: [],
        inbox: [],
        flights: [],
        alarmAtMs: null,
        leading: 0,
        asks: false,
        alive: true,
        at: 0,
        entries: new Map(),
        live: false,
        seen: new Set(),
        skipped: false,
      };
      tabs.push(tab);
      dispatch(tab, { type: 'open' });
      dispatch(tab, { type: 'running', running: true });
      return tab;
    },
    mutate(tab: SyncTab, key: string): void {
      const tag = `m${++lastTag}`;
      const id = `id-${lastTag}`;
      tab.made.push({ tag, key, id });
      dispatch(tab, { type: 'mutate', change: { id, name: 'add', key, args: tag, atMs: nowMs } });
    },
    /** Another device changes a key. */
    other: (key: string) => commit(key, `o${++lastTag}`),
    store: (tab: SyncTab) => tab.work.shift()?.(),
    listen(tab: SyncTab): void {
      const message = tab.inbox.shift();
      if (message !== undefined) dispatch(tab, { type: 'heard', message });
    },
    /** The backend takes the oldest request that it has not; its answer is on the way back. */
    serve(tab: SyncTab, fate: Fate): void {
      const flight = tab.flights.find(({ answer }) => answer === null);
      if (flight === undefined) return;
      if (fate === 'failed' || fate === 'busy')
        flight.answer = { result: 'retry', reason: fate, failed: fate === 'failed' };
      else {
        const answer = serveChange(flight.change, fate === 'rejected');
        flight.answer = fate === 'lost' ? { result: 'retry', reason: 'timeout' } : answer;
      }
    },
    answer(tab: SyncTab): void {
      const at = tab.flights.findIndex(({ answer }) => answer !== null);
      const [flight] = at === -1 ? [] : tab.flights.splice(at, 1);
      if (flight?.answer != null)
        dispatch(tab, { type: 'answered', attempt: flight.attempt, answer: flight.answer });
    },
    publish(): void {
      const next = unpublished.shift();
      if (next !== undefined) log.push(next);
    },
    deliver(tab: SyncTab): void {
      if (tab.live && tab.at < log.length) hear(tab, tab.at + 1);
    },
    cut(tab: SyncTab): void {
      tab.live = false;
      dispatch(tab, { type: 'live', live: false });
    },
    /** @param replay false: by a fresh snapshot, in two pages */
    reconnect(tab: SyncTab, replay: boolean): void {
      if (tab.live) return;
      if (replay) hear(tab, log.length);
      else {
        tab.skipped ||= tab.at < log.length;
        dispatch(tab, { type: 'lost' });
        const now = new Map(log.map((entry) => [entry.key, entry]));
        tab.at = log.length;
        for (const [key, after] of [...now].sort(([a], [b]) => (a < b ? -1 : 1))) {
          const before = tab.entries.get(key);
          tab.entries.set(key, after);
          dispatch(tab, { type: 'changes', changes: [{ key, before, after, ref: after.ref }] });
        }
      }
      tab.live = true;
      dispatch(tab, { type: 'live', live: true });
      dispatch(tab, { type: 'online' });
    },
    crash(tab: SyncTab): void {
      tab.alive = false;
      if (leader === tab) leader = null;
    },
    wait(ms: number): void {
      nowMs += ms;
      for (const tab of tabs) {
        if (!tab.alive || tab.alarmAtMs === null || tab.alarmAtMs > nowMs) continue;
        tab.alarmAtMs = null;
        dispatch(tab, { type: 'alarm' });
      }
    },
    lock,
    /** Everything works from now on, until nothing is left to be done. */
    drain(): void {
      for (let rounds = 0; rounds < 3_000; rounds++) {
        lock();
        for (const tab of tabs.filter(({ alive }) => alive)) {
          world.reconnect(tab, true);
          world.store(tab);
          world.listen(tab);
          world.serve(tab, 'ok');
          world.answer(tab);
          world.deliver(tab);
        }
        world.publish();
        const idle = tabs.every(
          (tab) =>
            !tab.alive ||
            (tab.work.length + tab.inbox.length + tab.flights.length === 0 &&
              tab.at === log.length &&
              tab.machine.items().length === 0),
        );
        if (idle && unpublished.length === 0) return;
        world.wait(1_000);
      }
      throw new Error('it does not come to an end');
    },
  };
  return world;
}
