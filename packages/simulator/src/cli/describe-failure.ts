import type { RunResult } from '../run.ts';

type Listed = { readonly afterMs: number; readonly kind: string; readonly draw: string };

/** What broke, with what is left of the script, and how to see it again. */
export function describeFailure(shrunk: RunResult<Listed>, failed: RunResult<Listed>, more = ''): string {
  const { seed, violation } = failed;
  if (violation === null) return `seed ${seed} holds`;
  return [
    `seed ${seed} breaks invariant ${violation.invariant} at ${violation.atMs} ms, with ${failed.clients} clients:`,
    `  ${violation.detail}`,
    `shrunk to ${shrunk.events.length} of ${failed.events.length} events, it breaks at ${shrunk.violation?.atMs} ms:`,
    `  ${shrunk.violation?.detail}`,
    ...listed(shrunk.events),
    `again: npm run simulate -- --seed ${seed}${more} --trace`,
  ].join('\n');
}

function listed(events: readonly Listed[]): readonly string[] {
  let atMs = 0;
  return events.map((event) => {
    atMs += event.afterMs;
    return `  ${String(atMs).padStart(8)} ms  ${event.kind}  (${event.draw})`;
  });
}
