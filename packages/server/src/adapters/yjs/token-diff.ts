/** A stretch of two lists: the same in both, or only in one. Lengths in tokens. */
export type Stretch = { readonly op: 'keep' | 'remove' | 'add'; readonly length: number };

/**
 * Edits beyond which two lists count as different: time goes with the edits and the lengths, memory with the edits squared.
 */
export const MAX_EDITS = 1_500;

/** The shortest way from one list to another (Myers, 1986); beyond `MAX_EDITS` all between what begins and ends alike is replaced. */
export function diffTokens(from: readonly string[], to: readonly string[]): Stretch[] {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let end = 0;
  while (
    end < from.length - start &&
    end < to.length - start &&
    from[from.length - 1 - end] === to[to.length - 1 - end]
  )
    end++;
  const stretches: Stretch[] = [];
  push(stretches, 'keep', start);
  for (const { op, length } of between(
    from.slice(start, from.length - end),
    to.slice(start, to.length - end),
  ))
    push(stretches, op, length);
  push(stretches, 'keep', end);
  return stretches;
}

function push(stretches: Stretch[], op: Stretch['op'], length: number): void {
  if (length === 0) return;
  const last = stretches.at(-1);
  if (last?.op === op) stretches[stretches.length - 1] = { op, length: last.length + length };
  else stretches.push({ op, length });
}

function between(from: readonly string[], to: readonly string[]): Stretch[] {
  const replaced: Stretch[] = [
    { op: 'remove', length: from.length },
    { op: 'add', length: to.length },
  ];
  if (from.length === 0 || to.length === 0) return replaced;
  const most = Math.min(from.length + to.length, MAX_EDITS);
  // Of each diagonal how far into `from` a way with so many edits comes; one copy a round, to find the way back.
  const reach = new Int32Array(2 * most + 3);
  const rounds: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits++) {
    rounds.push(reach.slice(most + 1 - edits - 1, most + 1 + edits + 2));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const at = most + 1 + diagonal;
      const down =
        diagonal === -edits || (diagonal !== edits && (reach[at - 1] as number) < (reach[at + 1] as number));
      let x = down ? (reach[at + 1] as number) : (reach[at - 1] as number) + 1;
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) x++;
      reach[at] = x;
      if (x >= from.length && x - diagonal >= to.length) return wayBack(rounds, from.length, to.length);
    }
  }
  return replaced;
}

function wayBack(rounds: readonly Int32Array[], fromLength: number, toLength: number): Stretch[] {
  const backwards: Stretch[] = [];
  let x = fromLength;
  let y = toLength;
  for (let edits = rounds.length - 1; edits > 0; edits--) {
    // A round holds the diagonals from -edits - 1 to edits + 1 as they were before it.
    const before = rounds[edits] as Int32Array;
    const diagonal = x - y;
    const at = diagonal + edits + 1;
    const down =
      diagonal === -edits || (diagonal !== edits && (before[at - 1] as number) < (before[at + 1] as number));
    const previousX = before[down ? at + 1 : at - 1] as number;
    const previousY = previousX - (down ? diagonal + 1 : diagonal - 1);
    const startX = down ? previousX : previousX + 1;
    push(backwards, 'keep', x - startX);
    push(backwards, down ? 'add' : 'remove', 1);
    x = previousX;
    y = previousY;
  }
  push(backwards, 'keep', x);
  return backwards.reverse();
}
