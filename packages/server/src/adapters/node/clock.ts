import { performance } from 'node:perf_hooks';
import type { Clock } from '../../ports/clock.ts';

/** Node rounds longer delays down to one millisecond (`TIMEOUT_MAX` of node:timers), which would fire far too early. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** The machine's own time. */
export function createNodeClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer(delayMs, fire) {
      const dueMs = performance.now() + delayMs;
      let timer = setTimeout(check, Math.min(delayMs, LONGEST_TIMER_MS));
      function check(): void {
        const leftMs = dueMs - performance.now();
        // Node's timers count whole milliseconds of a clock read earlier in the turn and may come up to one early.
        if (leftMs > 0) timer = setTimeout(check, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS));
        else fire();
      }
      return { cancel: () => clearTimeout(timer) };
    },
    // The check phase: after the sockets that were readable in this turn of the loop, before the next wait.
    defer(run) {
      setImmediate(run);
    },
  } satisfies Clock;
}
