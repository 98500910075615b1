import { type Loss, DOUBTS, EARLY_MS } from './ways.ts';

/** A line that was cut early so often in a row will be again. */
const MOST_CUTS = 3;

/** Which of the ways is used: decisions only. Ways are named by their place, the best is 0. */
export type Rungs = {
  readonly at: number;
  /** A login came through. */
  worked(rung: number): void;
  /** The session moves to a better way. */
  climbed(rung: number): void;
  /**
   * The line was lost.
   *
   * @returns `next`, `slipped`: another way is to be tried at once, the one below or the one that it climbed from; `same`: after the
   * usual pause
   */
  lost(rung: number, loss: Loss): 'same' | 'next' | 'slipped';
  /** Another network: nothing is known of it. */
  forget(): void;
};

/** @param start what worked on this network before */
export function createRungs(count: number, start: number): Rungs {
  let at = start;
  /** Ways in a row on which no login came through. */
  let failed = 0;
  let doubts = 0;
  let cuts = 0;
  /** Those that worked on this network. */
  const proven = new Set<number>(start > 0 ? [start] : []);
  let cameFrom: number | null = null;

  function down(): boolean {
    doubts = 0;
    cuts = 0;
    // When none works it is the server, or the network: what is best is tried first again.
    const all = ++failed >= count;
    if (all) failed = 0;
    at = all ? 0 : (at + 1) % count;
    return !all;
  }

  return {
    get at() {
      return at;
    },
    worked(rung) {
      // It may have been given up meanwhile, for an answer that came late.
      at = rung;
      proven.add(rung);
      failed = 0;
      doubts = 0;
    },
    climbed(rung) {
      cameFrom = at;
      at = rung;
      cuts = 0;
    },
    lost(rung, loss) {
      const { worked, livedMs } = loss;
      const early = !worked || livedMs < EARLY_MS;
      const from = cameFrom;
      cameFrom = null;
      // An attempt of before: the way was given up meanwhile.
      if (rung !== at) return 'next';
      if (from !== null && early) {
        at = from;
        return 'slipped';
      }
      if (!early) cuts = 0;
      else if (worked ? ++cuts >= MOST_CUTS : !proven.has(at) || ++doubts >= DOUBTS)
        return down() ? 'next' : 'same';
      return 'same';
    },
    forget() {
      at = 0;
      failed = 0;
      doubts = 0;
      cuts = 0;
      cameFrom = null;
      proven.clear();
    },
  };
}
