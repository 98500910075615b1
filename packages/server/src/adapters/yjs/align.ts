import * as Y from 'yjs';
import { diffTokens } from './token-diff.ts';
import { className, liveItems, type Tree, treeOf } from './tree.ts';
import { isAlike, type Piece, signatureOf, unitsOf, wholeOf } from './units.ts';

/** A step from one sequence to another. `keep`: the same in both, or two types of the same class that can be made the same. */
export type Step =
  | { readonly op: 'keep'; readonly from: Piece; readonly to: Piece }
  | { readonly op: 'remove'; readonly from: Piece }
  | { readonly op: 'add'; readonly to: Piece };

/**
 * How to come from one sequence to another with as few edits as can be found. Both are mostly of one document at two times: what
 * has the same id is the same, and stands in the same order in both. Only what lies between is compared by what it holds: something
 * that was restored before has another id than what it was.
 */
export function align(from: Tree, to: Tree): Step[] {
  return alignById(liveItems(from), liveItems(to)) ?? alignByContent(whole(from), whole(to));
}

function whole(tree: Tree): Piece[] {
  return liveItems(tree).map(wholeOf);
}

/** Undefined where ids mean different things in the two: they are of different documents. */
function alignById(fromItems: readonly Y.Item[], toItems: readonly Y.Item[]): Step[] | undefined {
  const steps: Step[] = [];
  const from = createWalk(fromItems);
  const to = createWalk(toItems);
  const fromLive = rangesOf(fromItems);
  const toLive = rangesOf(toItems);
  for (;;) {
    const gone = takeForeign(from, toLive);
    const come = takeForeign(to, fromLive);
    steps.push(...alignByContent(gone, come));
    if (from.item === undefined && to.item === undefined) return steps;
    if (from.item === undefined || to.item === undefined) return undefined;
    const { client } = from.item.id;
    if (client !== to.item.id.client || from.clock !== to.clock) return undefined;
    const length = Math.min(
      ...[from.left, to.left],
      ...[stretchOf(toLive, client, from.clock), stretchOf(fromLive, client, from.clock)],
    );
    const same = { op: 'keep', from: from.take(length), to: to.take(length) } as const;
    if (!isAlike(same.from, same.to)) return undefined;
    steps.push(same);
  }
}

type Walk = {
  readonly item: Y.Item | undefined;
  readonly clock: number;
  /** Clocks that are left of the item. */
  readonly left: number;
  take(length: number): Piece;
};

function createWalk(items: readonly Y.Item[]): Walk {
  let index = 0;
  let offset = 0;
  return {
    get item() {
      return items[index];
    },
    get clock() {
      return (items[index]?.id.clock ?? 0) + offset;
    },
    get left() {
      return (items[index]?.length ?? 0) - offset;
    },
    take(length) {
      const piece = { item: items[index] as Y.Item, offset, length };
      offset += length;
      if (offset >= piece.item.length) {
        index++;
        offset = 0;
      }
      return piece;
    },
  };
}

/** What comes next and is not in the other sequence. */
function takeForeign(walk: Walk, other: Ranges): Piece[] {
  const pieces: Piece[] = [];
  while (walk.item !== undefined) {
    const stretch = stretchOf(other, walk.item.id.client, walk.clock);
    if (stretch > 0) break;
    pieces.push(walk.take(Math.min(walk.left, -stretch)));
  }
  return pieces;
}

type Ranges = ReadonlyMap<number, readonly { readonly from: number; readonly to: number }[]>;

function rangesOf(items: readonly Y.Item[]): Ranges {
  const ranges = new Map<number, { from: number; to: number }[]>();
  for (const { id, length } of [...items].sort((a, b) => a.id.clock - b.id.clock)) {
    let ofClient = ranges.get(id.client);
    if (ofClient === undefined) ranges.set(id.client, (ofClient = []));
    const last = ofClient.at(-1);
    if (last?.to === id.clock) last.to += length;
    else ofClient.push({ from: id.clock, to: id.clock + length });
  }
  return ranges;
}

/** How many clocks from this one on are in the ranges; negative: so many are not. */
function stretchOf(ranges: Ranges, client: number, clock: number): number {
  const ofClient = ranges.get(client);
  if (ofClient === undefined) return Number.NEGATIVE_INFINITY;
  let low = 0;
  let high = ofClient.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ofClient[middle]?.to ?? 0) <= clock) low = middle + 1;
    else high = middle;
  }
  const range = ofClient[low];
  if (range === undefined) return Number.NEGATIVE_INFINITY;
  return range.from <= clock ? range.to - clock : clock - range.from;
}

function alignByContent(gone: readonly Piece[], come: readonly Piece[]): Step[] {
  if (gone.length === 0 || come.length === 0) return replaced(gone, come);
  const from = unitsOf(gone);
  const to = unitsOf(come);
  const steps: Step[] = [];
  for (const [some, others, isSame] of hunks(from, to, from.map(signatureOf), to.map(signatureOf))) {
    if (isSame) steps.push(...kept(some, others));
    else steps.push(...alignTypes(some, others));
  }
  return steps;
}

/** What differs: types of the same class, in their order, are changed within; the rest is replaced. */
function alignTypes(gone: readonly Piece[], come: readonly Piece[]): Step[] {
  const steps: Step[] = [];
  const classes = (pieces: readonly Piece[], side: string): string[] =>
    pieces.map(({ item }, index) => {
      const tree = treeOf(item);
      return tree === undefined ? `${side} ${index}` : className(tree);
    });
  for (const [some, others, isSame] of hunks(gone, come, classes(gone, '<'), classes(come, '>')))
    steps.push(...(isSame ? kept(some, others) : replaced(some, others)));
  return steps;
}

/** The stretches of two lists that are the same, and what lies between them on either side. */
function* hunks(
  from: readonly Piece[],
  to: readonly Piece[],
  fromTokens: readonly string[],
  toTokens: readonly string[],
): Generator<readonly [readonly Piece[], readonly Piece[], boolean]> {
  let [x, y] = [0, 0];
  let [goneFrom, comeFrom] = [0, 0];
  for (const { op, length } of diffTokens(fromTokens, toTokens)) {
    if (op !== 'add') x += length;
    if (op !== 'remove') y += length;
    if (op !== 'keep') continue;
    yield [from.slice(goneFrom, x - length), to.slice(comeFrom, y - length), false];
    yield [from.slice(x - length, x), to.slice(y - length, y), true];
    [goneFrom, comeFrom] = [x, y];
  }
  yield [from.slice(goneFrom, x), to.slice(comeFrom, y), false];
}

function kept(some: readonly Piece[], others: readonly Piece[]): Step[] {
  return some.map((from, index) => ({ op: 'keep', from, to: others[index] as Piece }));
}

function replaced(gone: readonly Piece[], come: readonly Piece[]): Step[] {
  return [
    ...gone.map((from): Step => ({ op: 'remove', from })),
    ...come.map((to): Step => ({ op: 'add', to })),
  ];
}
