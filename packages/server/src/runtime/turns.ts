import type { NodeContext } from './context.ts';

/** Items handled without a pause, at a few microseconds each: about a millisecond. */
const SLICE = 500;

/** Bulk work in pieces. Between two of them everything else gets its turn of the loop. */
export async function* inTurns<T>(context: NodeContext, items: Iterable<T>): AsyncGenerator<readonly T[]> {
  let slice: T[] = [];
  for (const item of items) {
    if (slice.length === SLICE) {
      yield slice;
      await new Promise<void>((resolve) => context.ports.clock.defer(resolve));
      slice = [];
    }
    slice.push(item);
  }
  if (slice.length > 0) yield slice;
}
