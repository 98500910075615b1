import type { NodeContext } from './context.ts';

/** Items handled without a pause, at a few microseconds each: about a millisecond. */
export const ITEMS_A_TURN = 500;

/** Lets everything else have its turn of the loop. */
export function nextTurn(context: NodeContext): Promise<void> {
  return new Promise((resolve) => context.ports.clock.defer(resolve));
}

/** Bulk work in pieces, with a pause between two of them. */
export async function* inTurns<T>(context: NodeContext, items: Iterable<T>): AsyncGenerator<readonly T[]> {
  let slice: T[] = [];
  for (const item of items) {
    if (slice.length === ITEMS_A_TURN) {
      yield slice;
      await nextTurn(context);
      slice = [];
    }
    slice.push(item);
  }
  if (slice.length > 0) yield slice;
}
