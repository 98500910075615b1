/**
 * Stamps: microseconds since the epoch that never repeat and never step back, even when the wall clock does. They order
 * changes on a node and, up to the clocks' difference, between nodes.
 */
export type StampSource = {
  next(nowMs: number): number;
  last(): number;
  /**
   * The last stamp that lay well above the wall clock, because that was set back; 0 for none. Up to it stamps do not
   * compare with times: somebody who went offline then has an earlier last seen than the stamps say.
   */
  aheadUntil(): number;
};

/** Stamps of one moment are a few microseconds ahead of it; a second is a clock that was set. */
const AHEAD_MICROS = 1_000_000;

/** @param floor a stamp that was used before (by this node's earlier life) */
export function createStampSource(floor: number): StampSource {
  let last = floor;
  let aheadUntil = 0;
  return {
    next(nowMs) {
      const wall = Math.floor(nowMs * 1000);
      last = Math.max(last + 1, wall);
      if (last - wall > AHEAD_MICROS) aheadUntil = last;
      return last;
    },
    last: () => last,
    aheadUntil: () => aheadUntil,
  };
}
