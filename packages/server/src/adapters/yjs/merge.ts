import * as Y from 'yjs';
import { encodeVector } from './vector.ts';

/**
 * Updates that are merged in one step. Yjs sorts all that are left at each step from one to the next, so that twice as many take four
 * times as long.
 */
const AT_ONCE = 64;

/** An update that brings nothing. */
const NOTHING = Uint8Array.of(0, 0);

/** One update of many, without a document. */
export function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array {
  let left = [...updates];
  while (left.length > 1) {
    const merged: Uint8Array[] = [];
    for (let at = 0; at < left.length; at += AT_ONCE)
      merged.push(Y.mergeUpdates(left.slice(at, at + AT_ONCE)));
    left = merged;
  }
  return left[0] ?? NOTHING;
}

/** What of an update a vector lacks, with all its deletions. */
export function trimUpdate(update: Uint8Array, vector: ReadonlyMap<number, number>): Uint8Array {
  return Y.diffUpdate(update, encodeVector(vector));
}
