import { expect, it } from 'vitest';
import { runChannelSeed } from '../src/channels/run-channels.ts';
import { describeFailure } from '../src/cli/describe-failure.ts';
import { shrink } from '../src/shrink.ts';

/** Seeds of one test: few enough that a failure is named soon. */
const SEEDS_PER_TEST = 50;

const TIMEOUT_MS = 300_000;

/** Claims that every seed from the first to the last holds; the first that does not is shrunk and told. */
export function channelSeedsHold(first: number, last: number): void {
  for (let from = first; from <= last; from += SEEDS_PER_TEST) {
    const to = Math.min(from + SEEDS_PER_TEST - 1, last);
    it(
      `seeds ${from} to ${to}: every copy of a stream or map is whole, in order and free of repeats, or its reader was told`,
      { timeout: TIMEOUT_MS },
      async () => {
        let applied = 0;
        for (let seed = from; seed <= to; seed++) {
          const result = await runChannelSeed(String(seed));
          if (result.violation !== null)
            expect.fail(describeFailure(await shrink(result, runChannelSeed), result, ' --channels'));
          expect(result.clients).toBeGreaterThanOrEqual(8);
          expect(result.events.length).toBeGreaterThanOrEqual(300);
          applied += result.applied;
        }
        expect(applied, 'nobody received anything').toBeGreaterThan(100 * (to - from + 1));
      },
    );
  }
}
