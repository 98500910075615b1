import { plant } from '../mutations/plant.ts';
import { mutations } from '../mutations/mutations.ts';
import { type Arguments, USAGE, readArguments } from './arguments.ts';
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
  const run = await runOf(read);

  const startedMs = performance.now();
  let done = 0;
  for (const seed of read.seeds) {
    const failure = await failureOf(seed, run, read);
    if (failure !== null) {
      console.log(failure);
      return 1;
    }
    done++;
    if (done % PROGRESS_EVERY === 0 || done === read.seeds.length)
      console.log(`${done} of ${read.seeds.length} seeds hold, ${perSeed(startedMs, done)} ms a seed`);
  }
  return 0;
}

type Run = typeof import('../run.ts').runSeed;

async function runOf({ channels, cluster }: Arguments): Promise<Run> {
  if (cluster) return (await import('../cluster/run-cluster.ts')).runClusterSeed as Run;
  if (channels) return (await import('../channels/run-channels.ts')).runChannelSeed as Run;
  return (await import('../run.ts')).runSeed;
}

async function failureOf(
  seed: string,
  run: Run,
  { trace, channels, cluster }: Arguments,
): Promise<string | null> {
  const result = await run(seed, trace ? TRACE : {});
  if (result.violation === null) return null;
  const { shrink } = await import('../shrink.ts');
  return describeFailure(
    await shrink(result, run),
    result,
    cluster ? ' --cluster' : channels ? ' --channels' : '',
  );
}

const TRACE: Parameters<typeof import('../run.ts').runSeed>[1] = {
  onWire: (line, direction, text, atMs) =>
    console.log(`${atMs} ${line.client} #${line.id} ${direction === 'up' ? '->' : '<-'} ${text}`),
  onNote: (text, atMs) => console.log(`${atMs} ${text}`),
};

function perSeed(startedMs: number, done: number): string {
  return ((performance.now() - startedMs) / done).toFixed(1);
}
