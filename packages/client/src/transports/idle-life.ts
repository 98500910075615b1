/** Silences shorter than this end for other reasons; and so often the line is asked at most, ms. */
const SHORTEST_MS = 2_000;

/** Longer silences do not come about: the server is heard of every 30 s. */
const LONGEST_MS = 45_000;

/** Two silences that ended alike: the longer is at most so many times the other. */
const ALIKE = 1.3;

/** The part of the life of an idle line after which it is used again. */
const USE_AT = 0.6;

/** How long a silent line lives on this network, learned from those that were dropped. Decisions only. */
export type IdleLife = {
  /** How long a line may stay silent, ms; null: nothing shows that it may not. */
  readonly everyMs: number | null;
  /** A line was lost behind a silence. @returns whether that was for its silence, as it seems */
  lost(idleMs: number): boolean;
  forget(): void;
};

/** @param kept what was learned on this network before */
export function createIdleLife(kept: number | null = null): IdleLife {
  let everyMs = kept;
  let lastMs = 0;
  return {
    get everyMs() {
      return everyMs;
    },
    lost(idleMs) {
      const was = lastMs;
      lastMs = idleMs;
      if (idleMs < SHORTEST_MS || idleMs > LONGEST_MS) return false;
      if (Math.max(was, idleMs) > Math.min(was, idleMs) * ALIKE) return false;
      const nextMs = Math.max(Math.min(was, idleMs) * USE_AT, SHORTEST_MS);
      // What does not help is not done ever more often.
      if (everyMs !== null && nextMs >= everyMs) return false;
      everyMs = nextMs;
      return true;
    },
    forget() {
      everyMs = null;
      lastMs = 0;
    },
  };
}
