import type { RunResult } from './run.ts';

type Timed = { readonly afterMs: number };

/** Runs a seed with another script than its own. */
export type Rerun<E> = (seed: string, options: { readonly events: readonly E[] }) => Promise<RunResult<E>>;

/** Runs that shrinking may take; a run takes some tens of milliseconds. */
const MOST_RUNS = 200;

/**
 * Leaves events out of a failing script as long as the same invariant breaks: halves, quarters and so on down to single
 * events. What is left need not be the least, but it is short enough to read.
 */
export async function shrink<E extends Timed>(
  failed: RunResult<E>,
  rerun: Rerun<E>,
  mostRuns = MOST_RUNS,
): Promise<RunResult<E>> {
  const { seed, violation } = failed;
  if (violation === null) return failed;
  let best = cut(failed);
  let runs = 0;

  async function stillFails(events: readonly E[]): Promise<boolean> {
    runs++;
    const result = await rerun(seed, { events });
    if (result.violation?.invariant !== violation?.invariant) return false;
    best = cut(result);
    return true;
  }

  for (
    let size = Math.ceil(best.events.length / 2);
    size >= 1 && runs < mostRuns;
    size = Math.floor(size / 2)
  ) {
    for (let from = best.events.length - size; from > -size && runs < mostRuns; from -= size) {
      const events = best.events;
      const start = Math.max(from, 0);
      await stillFails([...withTimeOf(events, start, Math.max(from + size, 0))]);
    }
  }
  return best;
}

/** Nothing after the failure had a part in it. */
function cut<E extends Timed>(result: RunResult<E>): RunResult<E> {
  let atMs = 0;
  const failedMs = result.violation?.atMs ?? Infinity;
  const events = result.events.filter((event) => {
    atMs += event.afterMs;
    return atMs <= failedMs;
  });
  return { ...result, events };
}

/** The script without some of its events; what follows happens at the time it did before. */
function withTimeOf<E extends Timed>(events: readonly E[], from: number, to: number): readonly E[] {
  const left = events.slice(from, to).reduce((sum, event) => sum + event.afterMs, 0);
  const [next, ...rest] = events.slice(to);
  if (next === undefined) return events.slice(0, from);
  return [...events.slice(0, from), { ...next, afterMs: next.afterMs + left }, ...rest];
}
