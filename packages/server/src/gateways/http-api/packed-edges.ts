import type { EdgeList, EdgePair } from '../../ports/directory.ts';
import { type PackedNames, packNames } from '../../ports/packed-names.ts';

/** Names packed together: the few kilobytes of short strings that are alive at any moment. */
const NAMES_A_PIECE = 2_048;

/** Collects edges without keeping an object for each. */
export type EdgePacker = {
  /** Edges added since the last `take`. */
  count(): number;
  add(follower: string, followee: string): void;
  /** The edges added since the last time. */
  take(): EdgeList;
};

export function createEdgePacker(): EdgePacker {
  let pieces: PackedNames[] = [];
  let names: string[] = [];

  function pack(): void {
    pieces.push(packNames(names));
    names = [];
  }

  return {
    count: () => (pieces.length * NAMES_A_PIECE + names.length) / 2,
    add(follower, followee) {
      names.push(follower, followee);
      if (names.length === NAMES_A_PIECE) pack();
    },
    take() {
      if (names.length > 0) pack();
      const list = packedEdges(pieces);
      pieces = [];
      return list;
    },
  };
}

function packedEdges(packed: readonly PackedNames[]): EdgeList {
  return {
    packed,
    length: packed.reduce((edges, { lengths }) => edges + lengths.length / 2, 0),
    *[Symbol.iterator](): Generator<EdgePair> {
      for (const { text, lengths } of packed) {
        let at = 0;
        for (let i = 0; i + 1 < lengths.length; i += 2) {
          const middle = at + (lengths[i] as number);
          const end = middle + (lengths[i + 1] as number);
          yield [text.slice(at, middle), text.slice(middle, end)];
          at = end;
        }
      }
    },
  };
}
