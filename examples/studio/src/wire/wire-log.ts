import { type ReadonlySignal, type Signal, computed, signal } from '@preact/signals';
import { type WireEntry, wireEntry } from './wire-entry.ts';

/** Messages kept; older ones are forgotten, the totals are not. */
export const KEPT_MESSAGES = 400;

export type Total = { readonly messages: number; readonly bytes: number };

export type WireLog = {
  /** What is kept, oldest first; does not move while paused. */
  readonly shown: ReadonlySignal<readonly WireEntry[]>;
  /** The kept messages as they are now, paused or not. */
  readonly kept: ReadonlySignal<readonly WireEntry[]>;
  readonly up: ReadonlySignal<Total>;
  readonly down: ReadonlySignal<Total>;
  readonly withHeartbeats: Signal<boolean>;
  readonly isPaused: ReadonlySignal<boolean>;
  /** Heartbeats kept but not shown. */
  readonly hiddenHeartbeats: ReadonlySignal<number>;
  add(at: number, direction: WireEntry['direction'], text: string): void;
  setPaused(paused: boolean): void;
  /** Forgets the messages and begins the totals anew. */
  clear(): void;
};

const NOTHING: Total = { messages: 0, bytes: 0 };

/** @param limit messages kept */
export function createWireLog(limit: number = KEPT_MESSAGES): WireLog {
  const kept = signal<readonly WireEntry[]>([]);
  /** What is kept when the pause begins; null while not paused. */
  const frozen = signal<readonly WireEntry[] | null>(null);
  const up = signal(NOTHING);
  const down = signal(NOTHING);
  const withHeartbeats = signal(false);
  let count = 0;

  const source = computed(() => frozen.value ?? kept.value);
  const quiet = computed(() => source.value.filter((entry) => entry.type !== 'hb'));

  return {
    kept,
    up,
    down,
    withHeartbeats,
    shown: computed(() => (withHeartbeats.value ? source.value : quiet.value)),
    isPaused: computed(() => frozen.value !== null),
    hiddenHeartbeats: computed(() => (withHeartbeats.value ? 0 : source.value.length - quiet.value.length)),
    add(at, direction, text) {
      count += 1;
      const entry = wireEntry(count, at, direction, text);
      kept.value = [...kept.value.slice(Math.max(0, kept.value.length + 1 - limit)), entry];
      const total = direction === 'up' ? up : down;
      total.value = { messages: total.value.messages + 1, bytes: total.value.bytes + entry.bytes };
    },
    setPaused(paused) {
      frozen.value = paused ? kept.value : null;
    },
    clear() {
      kept.value = [];
      if (frozen.value !== null) frozen.value = [];
      up.value = NOTHING;
      down.value = NOTHING;
    },
  };
}
