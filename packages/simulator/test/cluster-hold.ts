import { expect, it } from 'vitest';
import { describeFailure } from '../src/cli/describe-failure.ts';
import { type ClusterRunResult, runClusterSeed } from '../src/cluster/run-cluster.ts';
import { shrink } from '../src/shrink.ts';

/** Seeds of one test: few enough that a failure is named soon. */
const SEEDS_PER_TEST = 20;

const TIMEOUT_MS = 600_000;

/** Claims that every seed from the first to the last holds; the first that does not is shrunk and told. */
export function clusterSeedsHold(first: number, last: number): void {
  for (let from = first; from <= last; from += SEEDS_PER_TEST) {
    const to = Math.min(from + SEEDS_PER_TEST - 1, last);
    it(
      `seeds ${from} to ${to}: nobody can tell that there are several nodes, whatever becomes of them and of what they share`,
      { timeout: TIMEOUT_MS },
      async () => {
        let faults = 0;
        let applied = 0;
        for (let seed = from; seed <= to; seed++) {
          const result = await holding(seed);
          faults += result.faults;
          applied += result.applied;
        }
        expect(faults, 'nothing went wrong').toBeGreaterThan(10 * (to - from + 1));
        expect(applied, 'nobody received any publication').toBeGreaterThan(0);
      },
    );
  }
}

/** Claims that seeds which broke once hold now. */
export function brokenSeedsHold(seeds: Readonly<Record<number, string>>): void {
  for (const [seed, what] of Object.entries(seeds)) {
    it(`seed ${seed}: ${what}`, { timeout: TIMEOUT_MS }, async () => {
      const { faults } = await holding(Number(seed));
      expect(faults, 'nothing went wrong').toBeGreaterThan(0);
    });
  }
}

async function holding(seed: number): Promise<ClusterRunResult> {
  const result = await runClusterSeed(String(seed));
  if (result.violation !== null)
    expect.fail(describeFailure(await shrink(result, runClusterSeed), result, ' --cluster'));
  return result;
}
