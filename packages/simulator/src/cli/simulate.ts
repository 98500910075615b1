import { plant } from '../mutations/plant.ts';
import { mutations } from '../mutations/mutations.ts';
import type { RunResult } from '../run.ts';
import { USAGE, readArguments } from './arguments.ts';
import { describeFailure } from './describe-failure.ts';

/** Progress is told after so many seeds. */
const PROGRESS_EVERY = 100;

/** @returns the exit code: 0 when all seeds held, 1 when one did not, 2 for wrong arguments */
export async function simulate(args: readonly string[]): Promise<number> {
  const read = readArguments(args);
  if (typeof read === 'string') {
    console.error(`${read}\n\n${USAGE}`);
    return 2;
  }
  if (read.mutation !== null) plant(mutations[read.mutation]);
  // Loaded only now: a bug is put into the modules as they are loaded.
  const { runSeed } = await import('../run.ts');
  const { shrink } = await import('../shrink.ts');

  const startedMs = performance.now();
  let done = 0;
  for (const seed of read.seeds) {
    const result: RunResult = await runSeed(seed, read.trace ? TRACE : {});
    if (result.violation !== null) {
      console.log(describeFailure(await shrink(result), result));
      return 1;
    }
    done++;
    if (done % PROGRESS_EVERY === 0 || done === read.seeds.length)
      console.log(`${done} of ${read.seeds.length} seeds hold, ${perSeed(startedMs, done)} ms a seed`);
  }
  return 0;
}

const TRACE: Parameters<typeof import('../run.ts').runSeed>[1] = {
  onWire: (line, direction, text, atMs) =>
    console.log(`${atMs} ${line.client} #${line.id} ${direction === 'up' ? '->' : '<-'} ${text}`),
  onNote: (text, atMs) => console.log(`${atMs} ${text}`),
};

function perSeed(startedMs: number, done: number): string {
  return ((performance.now() - startedMs) / done).toFixed(1);
}
