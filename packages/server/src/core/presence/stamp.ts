/**
 * Stamps: microseconds since the epoch that never repeat and never step back, even when the wall clock does. They order
 * changes on a node and, up to the clocks' difference, between nodes.
 */
export type StampSource = { next(nowMs: number): number; last(): number };

/** @param floor a stamp that was used before (by this node's earlier life) */
export function createStampSource(floor: number): StampSource {
  let last = floor;
  return {
    next(nowMs) {
      last = Math.max(last + 1, Math.floor(nowMs * 1000));
      return last;
    },
    last: () => last,
  };
}
