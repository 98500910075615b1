import type { EdgeList, EdgePair } from '../../ports/directory.ts';

/** Names joined into one text at once: the few kilobytes of short strings that are alive at any moment. */
const NAMES_A_TEXT = 1_024;

/** Collects edges without keeping an object for each. */
export type EdgePacker = {
  /** Edges added since the last `take`. */
  count(): number;
  /** Takes ids of at most 65,535 characters; a user id has 255. */
  add(follower: string, followee: string): void;
  /** The edges added since the last time. */
  take(): EdgeList;
};

/** @param most edges between two `take`s */
export function createEdgePacker(most: number): EdgePacker {
  let texts: string[] = [];
  let names: string[] = [];
  let lengths = new Uint16Array(most * 2);
  let used = 0;

  return {
    count: () => used / 2,
    add(follower, followee) {
      names.push(follower, followee);
      lengths[used++] = follower.length;
      lengths[used++] = followee.length;
      if (names.length === NAMES_A_TEXT) {
        texts.push(names.join(''));
        names = [];
      }
    },
    take() {
      if (names.length > 0) texts.push(names.join(''));
      const list = packedEdges(texts, lengths.subarray(0, used));
      texts = [];
      names = [];
      lengths = new Uint16Array(most * 2);
      used = 0;
      return list;
    },
  };
}

/** Each text has `NAMES_A_TEXT` names, the last one what is left. */
function packedEdges(texts: readonly string[], lengths: Uint16Array): EdgeList {
  return {
    length: lengths.length / 2,
    *[Symbol.iterator](): Generator<EdgePair> {
      let text = '';
      let at = 0;
      for (let i = 0; i + 1 < lengths.length; i += 2) {
        if (i % NAMES_A_TEXT === 0) {
          text = texts[i / NAMES_A_TEXT] ?? '';
          at = 0;
        }
        const middle = at + (lengths[i] ?? 0);
        const end = middle + (lengths[i + 1] ?? 0);
        yield [text.slice(at, middle), text.slice(middle, end)];
        at = end;
      }
    },
  };
}
