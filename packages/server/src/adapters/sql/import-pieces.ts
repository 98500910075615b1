import type { EdgePair } from '../../ports/directory.ts';
import type { ImportPiece } from './thread-messages.ts';

/** Edges encoded without a pause: with names of usual length a fraction of a millisecond of the event loop. */
const EDGES_A_PIECE = 2_048;

/** Characters encoded without a pause, for names of unusual length: some two milliseconds where none is ASCII. */
const CHARACTERS_A_PIECE = 512 * 1024;

/**
 * Edges as one string and the lengths of the names in it, which crosses to the thread as two blocks of memory. An array
 * of a hundred thousand strings would be cloned one by one, and no separator is safe in every name.
 *
 * @param edges gives the edges from the first that no piece has yet
 * @returns the next piece, or null at the end
 */
export function writePiece(id: number, edges: Iterator<EdgePair>): ImportPiece | null {
  const lengths = new Uint32Array(EDGES_A_PIECE * 2);
  let names = '';
  let used = 0;
  while (used < lengths.length && names.length < CHARACTERS_A_PIECE) {
    const next = edges.next();
    if (next.done === true) break;
    const [follower, followee] = next.value;
    names += follower;
    names += followee;
    lengths[used++] = follower.length;
    lengths[used++] = followee.length;
  }
  if (used === 0) return null;
  return { kind: 'piece', import: id, names, lengths: lengths.subarray(0, used) };
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
