import type { Clock } from '../ports/clock.ts';

/**
 * Milliseconds since the epoch that go on evenly whatever is done to the wall clock: for spans that are kept beyond the
 * process, as a session's grace is. A clock that is set forward by an hour must not end everybody's session.
 *
 * @returns the wall clock as it would stand had nobody set it since this call
 */
export function createSteadyTime(clock: Clock): () => number {
  const offsetMs = clock.nowMs() - clock.monotonicMs();
  return () => Math.round(clock.monotonicMs() + offsetMs);
}
