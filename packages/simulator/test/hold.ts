import { expect, it } from 'vitest';
import { describeFailure } from '../src/cli/describe-failure.ts';
import { runSeed } from '../src/run.ts';
import { shrink } from '../src/shrink.ts';

/** Seeds of one test: few enough that a failure is named soon. */
const SEEDS_PER_TEST = 100;

const TIMEOUT_MS = 180_000;

/** Claims that every seed from the first to the last holds; the first that does not is shrunk and told. */
export function seedsHold(first: number, last: number): void {
  for (let from = first; from <= last; from += SEEDS_PER_TEST) {
    const to = Math.min(from + SEEDS_PER_TEST - 1, last);
    it(
      `seeds ${from} to ${to}: every view is true, nobody flaps, nothing leaks, nothing is left`,
      {
        timeout: TIMEOUT_MS,
      },
      async () => {
        for (let seed = from; seed <= to; seed++) {
          const result = await runSeed(String(seed));
          if (result.violation !== null) expect.fail(describeFailure(await shrink(result, runSeed), result));
          expect(result.clients).toBeGreaterThanOrEqual(8);
          expect(result.events.length).toBeGreaterThanOrEqual(300);
        }
      },
    );
  }
}
