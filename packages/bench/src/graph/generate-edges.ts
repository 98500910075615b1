import { type Graph, graphOf } from './graph.ts';

/** People and mutual edges a person brings, such that the graph has the size of a real one (37,700 and 289,003). */
const PEOPLE = 37_700;
const EDGES_PER_PERSON = 8;

/** Numbers below 1 from a seed (mulberry32): the same graph in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * A graph in which few people have very many friends: everybody who comes befriends people in proportion to how many
 * friends they have (Barabási and Albert, 1999). Numbers are shuffled, for in a real graph they say nothing about age.
 */
export function generateGraph(
  seed: number,
  people: number = PEOPLE,
  edgesPerPerson: number = EDGES_PER_PERSON,
): Graph {
  const random = seededRandom(seed);
  const names = shuffled(people, random);
  const pairs: [number, number][] = [];
  /** Each person as often as it has friends: a uniform choice from it prefers the popular. */
  const ends: number[] = [];
  for (let person = 1; person < people; person++) {
    const chosen = new Set<number>();
    const wanted = Math.min(edgesPerPerson, person);
    while (chosen.size < wanted) {
      // Now and then anybody, or the first ones would never get a rival.
      const fromEnds = ends.length > 0 && random() < 0.9;
      const other = fromEnds ? ends[Math.floor(random() * ends.length)] : Math.floor(random() * person);
      if (other !== undefined && other !== person) chosen.add(other);
    }
    for (const other of chosen) {
      pairs.push([names[person] ?? 0, names[other] ?? 0]);
      ends.push(person, other);
    }
  }
  return graphOf(pairs, true, `a generated graph (preferential attachment, seed ${seed})`);
}

function shuffled(count: number, random: () => number): number[] {
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [numbers[i], numbers[j]] = [numbers[j] ?? 0, numbers[i] ?? 0];
  }
  return numbers;
}
