import { type MutationName, mutations } from './mutations.ts';
import { type Mutation, plant } from './plant.ts';

/** What gave a bug away. */
export type Find = { readonly seed: string; readonly invariant: string; readonly detail: string };

/** A bug that is not found by then is not found. */
export const MOST_SEEDS = 1_000;

/**
 * Puts a bug in and runs seeds until one breaks. In a process of its own: the bug stays in the modules that are loaded.
 *
 * @returns null where no seed broke
 */
export async function hunt(name: MutationName): Promise<Find | null> {
  const mutation: Mutation = mutations[name];
  plant(mutation);
  for (const seed of seedsFrom(mutation.seed ?? 1)) {
    const find = await broken(String(seed), mutation);
    if (find !== null) return find;
  }
  return null;
}

function* seedsFrom(first: number): Generator<number> {
  yield first;
  for (let seed = 1; seed <= MOST_SEEDS; seed++) if (seed !== first) yield seed;
}

/** What a seed shows: with the bug, where it was put in before this is first called. */
export async function broken(seed: string, { form, channels, cluster }: Mutation): Promise<Find | null> {
  // Loaded only now, with the bug in.
  if (form !== undefined) {
    const { runPair } = await import('../paired/pair-run.ts');
    const { difference } = await import('../paired/transcript.ts');
    const pair = await runPair(seed, form);
    const differs = pair.comparable ? difference(pair.invisible, pair.other) : null;
    return differs === null ? null : { seed, invariant: 'd', detail: differs };
  }
  const { violation } =
    cluster === true
      ? await (await import('../cluster/run-cluster.ts')).runClusterSeed(seed)
      : channels === true
        ? await (await import('../channels/run-channels.ts')).runChannelSeed(seed)
        : await (await import('../run.ts')).runSeed(seed);
  return violation === null ? null : { seed, invariant: violation.invariant, detail: violation.detail };
}
