import type { NodeContext } from './context.ts';

/** Items handled without a pause, at a few microseconds each: about a millisecond. */
export const ITEMS_A_TURN = 500;

/** Lets everything else have its turn of the loop. */
export function nextTurn(context: NodeContext): Promise<void> {
  return new Promise((resolve) => context.ports.clock.defer(resolve));
}

/** Bulk work in pieces, with a pause between two of them. */
export async function* inTurns<T>(context: NodeContext, items: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < items.length; at += ITEMS_A_TURN) {
    if (at > 0) await nextTurn(context);
    yield items.slice(at, at + ITEMS_A_TURN);
  }
}
