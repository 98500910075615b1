import type { NodeContext } from './context.ts';

/** Items handled without a pause, at a few microseconds each: about a millisecond. */
const SLICE = 500;

/** Bulk work in pieces. Between two of them everything else gets its turn of the loop. */
export async function* inTurns<T>(context: NodeContext, items: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < items.length; at += SLICE) {
    if (at > 0) await new Promise<void>((resolve) => context.ports.clock.defer(resolve));
    yield items.slice(at, at + SLICE);
  }
}
