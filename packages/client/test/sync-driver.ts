import type { MapChange, MapEntry } from '../src/core/channels/map-view.ts';
import type { MutationItem, SendResult } from '../src/core/sync/mutation.ts';
import type { SyncSettings } from '../src/core/sync/state.ts';
import { type SyncMachine, createSyncMachine } from '../src/core/sync/sync.ts';
import type { SyncEffect, SyncEvent } from '../src/core/sync/sync-events.ts';

export type Task = { readonly title: string; readonly done: boolean };

export const mutators = {
  create: (_: unknown, title: unknown) => ({ title, done: false }),
  finish(task: unknown) {
    if (task === undefined) throw new Error('no such task');
    return { ...(task as Task), done: true };
  },
  remove: () => undefined,
};

export function entryOf(key: string, value: unknown, more: Partial<MapEntry> = {}): MapEntry {
  return { key, value, offset: 1, atMs: null, by: null, version: null, ...more };
}

/** A machine whose store works at once, and which leads as soon as it asks, unless a test says otherwise. */
export function driveSync(settings: Partial<SyncSettings> = {}, texts = new Map<number, string>()) {
  const machine: SyncMachine = createSyncMachine({
    mutators,
    order: 'all',
    count: 100,
    bytes: 100_000,
    settleMs: 30_000,
    failures: 3,
    snapshot: false,
    ...settings,
  });
  const told: MutationItem[] = [];
  const sends: Extract<SyncEffect, { do: 'send' }>[] = [];
  const messages: Extract<SyncEffect, { do: 'tell' }>['message'][] = [];
  const held = { store: true, lead: true };
  let nowMs = 0;
  let alarmMs: number | null = null;
  let last = Math.max(0, ...texts.keys());
  const later: SyncEvent[] = [];

  function perform(effect: SyncEffect): void {
    switch (effect.do) {
      case 'insert':
        if (!held.store) return;
        texts.set(++last, effect.text);
        return void later.push({ type: 'inserted', id: effect.id, number: last });
      case 'save':
        return void (texts.has(effect.number) && texts.set(effect.number, effect.text));
      case 'remove':
        return void texts.delete(effect.number);
      case 'look':
        return void (held.store && later.push({ type: 'loaded', records: new Map(texts) }));
      case 'erase':
        return texts.clear();
      case 'tell':
        return void messages.push(effect.message);
      case 'lead':
        return void (held.lead && later.push({ type: 'led' }));
      case 'send':
        return void sends.push(effect);
      case 'told':
        return void told.push(effect.item);
      case 'setAlarm':
        alarmMs = nowMs + effect.delayMs;
        return;
      case 'clearAlarm':
        alarmMs = null;
        return;
      case 'rest':
      case 'changed':
    }
  }

  function dispatch(...events: readonly SyncEvent[]): void {
    later.push(...events);
    for (let next = later.shift(); next !== undefined; next = later.shift())
      for (const effect of machine.handle(next, { nowMs, wallMs: 1_000 + nowMs, random: 0 })) perform(effect);
  }

  let lastId = 0;
  return {
    machine,
    texts,
    held,
    messages,
    dispatch,
    open(): void {
      dispatch({ type: 'open' }, { type: 'running', running: true }, { type: 'live', live: true });
    },
    mutate(name: string, key: string, args?: unknown): string {
      const id = `m${++lastId}`;
      dispatch({ type: 'mutate', change: { id, name, key, args, atMs: 1_000 + nowMs } });
      return id;
    },
    /** The channel tells of one message. */
    change(...changes: (Omit<MapChange, 'before'> & { readonly before?: MapEntry })[]): void {
      dispatch({ type: 'changes', changes: changes.map((each) => ({ before: undefined, ...each })) });
    },
    /** What was asked to be sent since the last time, by id. */
    sent: (): readonly string[] => sends.map(({ change }) => change.id),
    /** Answers what was sent last. */
    answer: (answer: SendResult, at = -1): void =>
      dispatch({ type: 'answered', attempt: sends.at(at)!.attempt, answer }),
    /** The states that a mutation went through. */
    states: (id: string): readonly string[] =>
      told.filter((item) => item.id === id).map(({ state }) => state),
    rejection: (id: string) => told.findLast((item) => item.id === id)?.rejection,
    view: (): Record<string, unknown> =>
      Object.fromEntries([...machine.entries()].map(([key, { value }]) => [key, value])),
    pass(ms: number): void {
      nowMs += ms;
      if (alarmMs === null || alarmMs > nowMs) return;
      alarmMs = null;
      dispatch({ type: 'alarm' });
    },
    alarmInMs: () => (alarmMs === null ? null : alarmMs - nowMs),
  };
}
