/** Who follows whom, by number from 0. Edge i goes from `from[i]`, who follows, to `to[i]`. */
export type Graph = {
  readonly people: number;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** Where it comes from, for the report. */
  readonly origin: string;
};

/** The edges between the first so many people, sorted by whom they go to: `[followee, follower]`. */
export function followersAmong(graph: Graph, people: number): [followee: number, follower: number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < graph.from.length; i++) {
    const follower = graph.from[i] ?? 0;
    const followee = graph.to[i] ?? 0;
    if (follower < people && followee < people) pairs.push([followee, follower]);
  }
  return pairs.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/** How many people each person follows, and how many of these are among the first `online`. */
export function followees(
  graph: Graph,
  online: number,
): { readonly all: Uint32Array; readonly online: Uint32Array } {
  const all = new Uint32Array(graph.people);
  const there = new Uint32Array(graph.people);
  for (let i = 0; i < graph.from.length; i++) {
    const follower = graph.from[i] ?? 0;
    all[follower] = (all[follower] ?? 0) + 1;
    if ((graph.to[i] ?? 0) < online) there[follower] = (there[follower] ?? 0) + 1;
  }
  return { all, online: there };
}

/** The edges as lines of CSV, for an import. */
export function toCsv(graph: Graph): string {
  const lines: string[] = [];
  for (let i = 0; i < graph.from.length; i++) lines.push(`${graph.from[i] ?? 0},${graph.to[i] ?? 0}\n`);
  return lines.join('');
}

/** A graph of pairs. @param mutual each pair stands for both directions */
export function graphOf(
  pairs: readonly (readonly [number, number])[],
  mutual: boolean,
  origin: string,
): Graph {
  const edges = mutual ? pairs.length * 2 : pairs.length;
  const from = new Uint32Array(edges);
  const to = new Uint32Array(edges);
  let people = 0;
  let at = 0;
  for (const [a, b] of pairs) {
    people = Math.max(people, a + 1, b + 1);
    from[at] = a;
    to[at++] = b;
    if (!mutual) continue;
    from[at] = b;
    to[at++] = a;
  }
  return { people, from, to, origin };
}
