import type { EdgePair } from '../../ports/directory.ts';
import { type PackedNames, packNames, unpackNames } from './packed-names.ts';

/** Edges encoded without a pause: with names of usual length a fraction of a millisecond of the event loop. */
const EDGES_A_PIECE = 1_024;

/** Characters encoded without a pause, for names of unusual length: some two milliseconds where none is ASCII. */
const CHARACTERS_A_PIECE = 512 * 1024;

/** Names unpacked without a pause: a fraction of a millisecond. */
const NAMES_A_TURN = 2_048;

/**
 * Takes the next edges, follower and followee by turns.
 *
 * @param edges gives the edges from the first that was not taken yet
 * @returns null at the end
 */
export function takePiece(edges: Iterator<EdgePair>): PackedNames | null {
  const names: string[] = [];
  let characters = 0;
  while (names.length < EDGES_A_PIECE * 2 && characters < CHARACTERS_A_PIECE) {
    const next = edges.next();
    if (next.done === true) break;
    const [follower, followee] = next.value;
    names.push(follower, followee);
    characters += follower.length + followee.length;
  }
  return names.length === 0 ? null : packNames(names);
}

/** The edges of some pieces, in their order. */
export function* edgesOf(pieces: readonly PackedNames[]): Generator<EdgePair> {
  for (const piece of pieces) {
    let follower: string | undefined;
    for (const name of unpackNames(piece)) {
      if (follower === undefined) follower = name;
      else {
        yield [follower, name];
        follower = undefined;
      }
    }
  }
}

/** All names, unpacked bit by bit. @param pause lets everything else have its turn */
export async function unpackInTurns(packed: PackedNames, pause: () => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  for (const name of unpackNames(packed)) {
    if (names.push(name) % NAMES_A_TURN === 0) await pause();
  }
  return names;
}
