import type { EdgePair } from '../../ports/directory.ts';
import type { ImportPiece } from './thread-messages.ts';

/** Edges encoded without a pause: with names of usual length a fraction of a millisecond of the event loop. */
const EDGES_A_PIECE = 4_096;

/** Characters encoded without a pause, for names of unusual length: some two milliseconds where none is ASCII. */
const CHARACTERS_A_PIECE = 512 * 1024;

/**
 * Edges as one string and the lengths of the names in it, which crosses to the thread as two blocks of memory. An array
 * of a hundred thousand strings would be cloned one by one, and no separator is safe in every name.
 *
 * @param from the first edge of the piece
 * @returns the piece, and the first edge of the next
 */
export function writePiece(
  id: number,
  edges: readonly EdgePair[],
  from: number,
): { readonly piece: ImportPiece; readonly next: number } {
  const end = Math.min(from + EDGES_A_PIECE, edges.length);
  const lengths = new Uint32Array((end - from) * 2);
  let names = '';
  let next = from;
  for (; next < end && names.length < CHARACTERS_A_PIECE; next++) {
    const [follower, followee] = edges[next] as EdgePair;
    names += follower;
    names += followee;
    lengths[(next - from) * 2] = follower.length;
    lengths[(next - from) * 2 + 1] = followee.length;
  }
  return {
    piece: { kind: 'piece', import: id, names, lengths: lengths.subarray(0, (next - from) * 2) },
    next,
  };
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
