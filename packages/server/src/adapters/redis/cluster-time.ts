import type { Clock } from '../../ports/clock.ts';

/** Answers that the offset is chosen from: those of the last minute or so. */
const KEPT_ANSWERS = 8;

/** How far two offsets may lie apart beyond what their round trips explain, ms: quartz drifts, a clock that was set leaps. */
const DRIFT_MS = 50;

/** The cluster's clock, as this node knows it. */
export type ClusterTime = {
  /** Ms since the epoch. The machine's own before the first answer. */
  nowMs(): number;
  /** That less the time in which no node renewed, ms: goes on evenly, and counts nobody's outage as absence. */
  steadyMs(): number;
  /** Time in which no node renewed, ms. */
  readonly lostMs: number;
  /** When this node renewed last, ms since the epoch; 0: not yet. */
  readonly renewedAtMs: number;
  /**
   * @param serverMs what the server's clock showed between the two
   * @param sentMs when it was asked, by the monotonic clock
   */
  answered(serverMs: number, sentMs: number, lostMs: number): void;
};

type Answer = { readonly offsetMs: number; readonly tripMs: number };

/** @param clock the machine's: only how it goes on counts, not where it stands */
export function createClusterTime(clock: Clock): ClusterTime {
  let answers: Answer[] = [];
  let offsetMs: number | null = null;
  let lostMs = 0;
  let renewedAtMs = 0;

  function nowMs(): number {
    return offsetMs === null ? clock.nowMs() : Math.floor(clock.monotonicMs() + offsetMs);
  }

  return {
    nowMs,
    steadyMs: () => nowMs() - lostMs,
    get lostMs() {
      return lostMs;
    },
    get renewedAtMs() {
      return renewedAtMs;
    },
    answered(serverMs, sentMs, lost) {
      const tripMs = clock.monotonicMs() - sentMs;
      const answer = { offsetMs: serverMs - (sentMs + tripMs / 2), tripMs };
      // The server asked in the middle of the trip, up to half of it: two that contradict each other are of two clocks.
      const agrees = (other: Answer): boolean =>
        Math.abs(other.offsetMs - answer.offsetMs) <= (other.tripMs + tripMs) / 2 + DRIFT_MS;
      if (!answers.every(agrees)) answers = [];
      answers = [...answers.slice(1 - KEPT_ANSWERS), answer];
      offsetMs = answers.reduce((best, other) => (other.tripMs <= best.tripMs ? other : best)).offsetMs;
      lostMs = lost;
      renewedAtMs = Math.floor(serverMs);
    },
  };
}
