import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** What fails fails for everybody at once; one line a second says as much as a thousand. */
const INTERVAL_MS = 1_000;

/** Warns of one kind of event at most once a second, and then says how many warnings were left out before. */
export function createPacedWarning(
  event: string,
  clock: Pick<Clock, 'monotonicMs'>,
  telemetry: Pick<Telemetry, 'warn'>,
): (detail: Readonly<Record<string, unknown>>) => void {
  let nextMs = -Infinity;
  let leftOut = 0;
  return (detail) => {
    const nowMs = clock.monotonicMs();
    if (nowMs < nextMs) {
      leftOut++;
      return;
    }
    telemetry.warn(event, leftOut === 0 ? detail : { ...detail, leftOut });
    nextMs = nowMs + INTERVAL_MS;
    leftOut = 0;
  };
}
