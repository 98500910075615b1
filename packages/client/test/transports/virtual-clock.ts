import type { Platform } from '../../src/platform.ts';

/** A clock that a test moves; what promises do in between is waited for. */
export type VirtualClock = {
  readonly nowMs: () => number;
  /** The platform's parts that a clock gives. */
  readonly parts: Pick<Platform, 'nowMs' | 'wallMs' | 'setTimer' | 'later'>;
  setTimer(delayMs: number, fire: () => void): () => void;
  advance(ms: number): Promise<void>;
  /** Timers stand still meanwhile, and fire late: a machine that sleeps, a tab in the background. */
  sleep(ms: number): Promise<void>;
};

export const WALL_MS = 1_763_715_600_000;

export function createVirtualClock(): VirtualClock {
  let nowMs = 1_000;
  let last = 0;
  const timers = new Map<number, { readonly atMs: number; readonly fire: () => void }>();

  function setTimer(delayMs: number, fire: () => void): () => void {
    const id = ++last;
    timers.set(id, { atMs: nowMs + delayMs, fire });
    return () => void timers.delete(id);
  }

  function due(byMs: number): number | null {
    let first: number | null = null;
    let firstMs = Infinity;
    for (const [id, { atMs }] of timers)
      if (atMs <= byMs && atMs < firstMs) {
        first = id;
        firstMs = atMs;
      }
    return first;
  }

  async function fireDue(byMs: number, jump: boolean): Promise<void> {
    await settled();
    for (let id = due(byMs); id !== null; id = due(byMs)) {
      const timer = timers.get(id);
      timers.delete(id);
      if (jump && timer !== undefined) nowMs = Math.max(nowMs, timer.atMs);
      timer?.fire();
      await settled();
    }
  }

  return {
    nowMs: () => nowMs,
    parts: {
      nowMs: () => nowMs,
      wallMs: () => WALL_MS + nowMs,
      setTimer,
      later: (run) => queueMicrotask(run),
    },
    setTimer,
    async advance(ms) {
      const untilMs = nowMs + ms;
      await fireDue(untilMs, true);
      nowMs = untilMs;
      await settled();
    },
    async sleep(ms) {
      await settled();
      nowMs += ms;
      await fireDue(nowMs, false);
    },
  };
}

/** Everything that promises had to do is done: a macrotask comes behind all of them. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
