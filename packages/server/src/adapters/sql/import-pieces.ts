import type { EdgeList, EdgePair } from '../../ports/directory.ts';
import { type PackedNames, packNames } from '../../ports/packed-names.ts';

/** Edges encoded without a pause: with names of usual length a fraction of a millisecond of the event loop. */
const EDGES_A_PIECE = 1_024;

/** Characters encoded without a pause, for names of unusual length: some two milliseconds where none is ASCII. */
const CHARACTERS_A_PIECE = 512 * 1024;

/** Names unpacked without a pause: a fraction of a millisecond. */
const NAMES_A_TURN = 2_048;

/** The edges in pieces of which each is made while it is asked for: follower and followee by turns. */
export function* piecesOf(edges: EdgeList): Generator<PackedNames> {
  if (edges.packed !== undefined) yield* edges.packed;
  else {
    const rest = edges[Symbol.iterator]();
    for (let piece = takePiece(rest); piece !== null; piece = takePiece(rest)) yield piece;
  }
}

function takePiece(edges: Iterator<EdgePair>): PackedNames | null {
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

/** All names, unpacked bit by bit. @param pause lets everything else have its turn */
export async function unpackInTurns(
  { text, lengths }: PackedNames,
  pause: () => Promise<void>,
): Promise<string[]> {
  const names: string[] = [];
  let at = 0;
  for (const length of lengths) {
    if (names.push(text.slice(at, at + length)) % NAMES_A_TURN === 0) await pause();
    at += length;
  }
  return names;
}
