import type { EdgePair } from '../../ports/directory.ts';
import type { ImportPiece } from './thread-messages.ts';

/** Edges encoded without a pause: a millisecond or two of the event loop, even with the longest names. */
export const EDGES_A_PIECE = 4_096;

/**
 * Edges as one string and the lengths of the names in it, which crosses to the thread as two blocks of memory. An array
 * of a hundred thousand strings would be cloned one by one, and no separator is safe in every name.
 */
export function writePiece(id: number, edges: readonly EdgePair[], from: number): ImportPiece {
  const to = Math.min(from + EDGES_A_PIECE, edges.length);
  const lengths = new Uint32Array((to - from) * 2);
  let names = '';
  for (let i = from; i < to; i++) {
    const [follower, followee] = edges[i] as EdgePair;
    names += follower;
    names += followee;
    lengths[(i - from) * 2] = follower.length;
    lengths[(i - from) * 2 + 1] = followee.length;
  }
  return { kind: 'piece', import: id, names, lengths };
}

/** The names of a piece, follower and followee by turns. */
export function readPiece({ names, lengths }: ImportPiece): string[] {
  const read: string[] = [];
  let at = 0;
  for (const length of lengths) {
    read.push(names.slice(at, at + length));
    at += length;
  }
  return read;
}
