import type { TakenId } from './log-rules.ts';

/**
 * The idempotency ids of a channel, in two generations: each id is held for one window at least and two at most, and
 * none has to be looked for to be dropped.
 */
export type TakenIds = {
  current: Map<string, TakenId>;
  previous: Map<string, TakenId>;
  /** When the current generation began, ms since the epoch. */
  sinceMs: number;
};

export function createTakenIds(nowMs: number): TakenIds {
  return { current: new Map(), previous: new Map(), sinceMs: nowMs };
}

/** One text for a publisher's scope and their id, whatever either holds. */
export function onceKey({ scope, id }: { readonly scope: string; readonly id: string }): string {
  return `${scope.length}:${scope}${id}`;
}

export function findId(taken: TakenIds, key: string): TakenId | undefined {
  return taken.current.get(key) ?? taken.previous.get(key);
}

/** Begins a generation where the window of the current one is over. */
export function ageIds(taken: TakenIds, onceMs: number, nowMs: number): void {
  const ageMs = nowMs - taken.sinceMs;
  if (ageMs <= onceMs) return;
  taken.previous = ageMs > 2 * onceMs ? new Map<string, TakenId>() : taken.current;
  taken.current = new Map<string, TakenId>();
  taken.sinceMs = nowMs;
}

export function heldIds({ current, previous }: TakenIds): number {
  return current.size + previous.size;
}
