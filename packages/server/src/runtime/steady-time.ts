import type { Clock } from '../ports/clock.ts';

/**
 * Milliseconds since the epoch that go on evenly whatever is done to the wall clock: for spans that are kept beyond the
 * process, as a session's grace is. A clock that is set by an hour must not end everybody's session.
 *
 * @param aliveAtMs the last such time of an earlier life: this one begins no earlier, or times noted in it would seem to
 *   lie an hour before those of the other
 * @returns the wall clock as it would stand had nobody set it since this call
 */
export function createSteadyTime(clock: Clock, aliveAtMs: number | null): () => number {
  const offsetMs = Math.max(clock.nowMs(), aliveAtMs ?? 0) - clock.monotonicMs();
  return () => Math.round(clock.monotonicMs() + offsetMs);
}
