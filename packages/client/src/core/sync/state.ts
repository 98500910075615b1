import type { MapEntry } from '../channels/map-view.ts';
import { type Pace, newPace } from '../channels/pace.ts';
import type { Turn } from '../events.ts';
import type { Change, MutationItem, MutationState, Rejection, SyncToken } from './mutation.ts';
import type { SyncEffect } from './sync-events.ts';

/** What a mutation makes of the value of its key; undefined: it is not set, or shall not be. Throws where it does not apply. */
export type AnyMutator = (value: unknown, args: unknown) => unknown;

export type SyncSettings = {
  readonly mutators: Readonly<Record<string, AnyMutator | undefined>>;
  /** `all`: one mutation under way at a time; `key`: one of each key. */
  readonly order: 'all' | 'key';
  /** Mutations that are not confirmed, at most. */
  readonly count: number;
  /** The bytes that they take in the store, at most. */
  readonly bytes: number;
  /** How long an accepted mutation waits for its event while the channel is live, ms. */
  readonly settleMs: number;
  /** How often a backend may fail on one before it is given up. */
  readonly failures: number;
  /** Whether the app has a snapshot of its own. */
  readonly snapshot: boolean;
};

/** One key as it is to be seen. A new object for each change. */
export type SyncEntry<Value = unknown> = {
  readonly key: string;
  readonly value: Value;
  /** Whether changes of it are on their way. */
  readonly pending: boolean;
  /** The version of what it rests on; null: none. */
  readonly version: number | null;
};

/** A mutation that is part of what is seen. */
export type Held = {
  readonly change: Change;
  readonly bytes: number;
  /** In the store; Infinity: it is not there yet. */
  number: number;
  state: 'queued' | 'sent' | 'accepted';
  token: SyncToken | null;
  /** When it settles though nothing was seen of it, by `nowMs`. */
  untilMs: number;
  failures: number;
  /** An earlier life, or another tab, made it: it may have been sent. */
  readonly found: boolean;
  /** The number of the attempt that is under way; 0: none is. */
  attempt: number;
};

export type SyncLane = { pace: Pace; askedUntilMs: number };

/** All that a sync knows, worked on in place. */
export type SyncData = {
  readonly settings: SyncSettings;
  turn: Turn;
  effects: SyncEffect[];
  /** In the order in which they are applied: by number. */
  readonly held: Held[];
  readonly byId: Map<string, Held>;
  /** Ids of what has ended: a look at the store may be older. */
  readonly ended: Set<string>;
  bytes: number;
  /** What the channel holds. */
  readonly channel: Map<string, MapEntry>;
  /** What the app's snapshot holds. */
  app: Map<string, MapEntry>;
  /** Deleted since the app's snapshot is being read; null: it is not. */
  deletedSince: Set<string> | null;
  /** The app's snapshot is missing. */
  wantsSnapshot: boolean;
  live: boolean;
  wasComplete: boolean;
  /** `ref`s of publications that were seen, with the version that their key had; the newest last. */
  readonly seenRefs: Map<string, number | null>;
  /** Versions of deletions, the newest last. */
  readonly deletedVersions: Map<string, number>;
  readonly view: Map<string, SyncEntry>;
  /** What the view of a key was made from, where mutations are on top. */
  readonly basis: Map<string, { readonly ids: string; readonly truth: MapEntry | undefined }>;
  /** Keys whose view may be another. */
  readonly touched: Set<string>;
  viewChanged: boolean;
  running: boolean;
  role: 'rests' | 'asks' | 'leads';
  looking: boolean;
  lookAgain: boolean;
  /** Every mutation with a number up to this is known. */
  seen: number;
  readonly lanes: Map<string, SyncLane>;
  lastAttempt: number;
  /** How many settled without having been seen. */
  settled: number;
  /** Why the last attempt failed; null: it did not. */
  failure: string | null;
  alarmAtMs: number | null;
};

export function newSyncData(settings: SyncSettings): SyncData {
  return {
    settings,
    turn: { nowMs: 0, wallMs: 0, random: 0 },
    effects: [],
    held: [],
    byId: new Map(),
    ended: new Set(),
    bytes: 0,
    channel: new Map(),
    app: new Map(),
    deletedSince: null,
    wantsSnapshot: settings.snapshot,
    live: false,
    wasComplete: false,
    seenRefs: new Map(),
    deletedVersions: new Map(),
    view: new Map(),
    basis: new Map(),
    touched: new Set(),
    viewChanged: false,
    running: false,
    role: 'rests',
    looking: false,
    lookAgain: false,
    seen: 0,
    lanes: new Map(),
    lastAttempt: 0,
    settled: 0,
    failure: null,
    alarmAtMs: null,
  };
}

/** Whether what is known is the whole truth as of now. */
export function isComplete({ live, wantsSnapshot }: SyncData): boolean {
  return live && !wantsSnapshot;
}

export function laneOf({ settings, lanes }: SyncData, { key }: Change): SyncLane {
  const name = settings.order === 'all' ? '' : key;
  let lane = lanes.get(name);
  if (lane === undefined) lanes.set(name, (lane = { pace: newPace(), askedUntilMs: 0 }));
  return lane;
}

export function itemOf(
  { change, token }: Held,
  state: MutationState,
  rejection: Rejection | null = null,
): MutationItem {
  return { ...change, state, rejection, token };
}

/** Puts a mutation where its number says. */
export function hold(sync: SyncData, held: Held): void {
  const { change, number, bytes } = held;
  let at = sync.held.length;
  while (at > 0 && (sync.held[at - 1]?.number ?? 0) > number) at--;
  sync.held.splice(at, 0, held);
  sync.byId.set(change.id, held);
  sync.bytes += bytes;
  sync.touched.add(change.key);
}

/** So many ids, refs and versions are remembered of what is over. */
const MOST_REMEMBERED = 1_000;

/** Forgets the oldest of a set or map that holds too many. */
export function forgetOldest(memory: Set<string> | Map<string, unknown>): void {
  for (const oldest of memory.keys()) {
    if (memory.size <= MOST_REMEMBERED) return;
    memory.delete(oldest);
  }
}

/** It is part of what is seen no more. */
export function letGo(sync: SyncData, held: Held): void {
  const { id, key } = held.change;
  sync.held.splice(sync.held.indexOf(held), 1);
  sync.byId.delete(id);
  sync.bytes -= held.bytes;
  sync.ended.add(id);
  forgetOldest(sync.ended);
  sync.touched.add(key);
}

/** It has ended, here: it is told before it is removed, so that whoever finds it gone has been told why. */
export function finish(
  sync: SyncData,
  held: Held,
  state: MutationState,
  rejection: Rejection | null = null,
): void {
  const { number, token, change } = held;
  letGo(sync, held);
  sync.effects.push({ do: 'told', item: itemOf(held, state, rejection) });
  sync.effects.push({ do: 'tell', message: { id: change.id, state, token, rejection } });
  // What is still on its way into the store is removed when it is there.
  if (number !== Infinity) sync.effects.push({ do: 'remove', number });
}
