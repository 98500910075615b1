import type { Clock } from '../../ports/clock.ts';
import type { DocumentEngine } from '../../ports/document-engine.ts';
import { inspectUpdate } from './inspect.ts';
import type { Asked, Done, JobName } from './jobs.ts';
import { mergeUpdates, trimUpdate } from './merge.ts';
import { createPool, type PoolSettings } from './pool.ts';
import { runJob } from './run-job.ts';
import { createTransients } from './transients.ts';
import { decodeVector, encodeVector } from './vector.ts';

/** The engine with its jobs in threads. */
export function createDocumentEngine(settings: PoolSettings, clock: Clock): DocumentEngine {
  const pool = createPool(settings, clock);
  return {
    ...engineOf((name, asked) => pool.run(name, asked)),
    retained: pool.retained,
    jobs: pool.jobs,
    close: pool.close,
  };
}

/** The same in the thread that calls: for tests, the simulator and the testing kit. */
export function createInlineEngine(): DocumentEngine {
  const transients = createTransients();
  return {
    ...engineOf(async (name, asked) => runJob(name, asked, transients)),
    retained: () => transients.retained(),
    jobs: () => 0,
    close: async () => undefined,
  };
}

type Run = <Name extends JobName>(name: Name, asked: Asked<Name>) => Promise<Done<Name>>;

function engineOf(run: Run): Omit<DocumentEngine, 'retained' | 'jobs' | 'close'> {
  return {
    inspect: inspectUpdate,
    merge: mergeUpdates,
    trim: trimUpdate,
    encodeVector,
    decodeVector,
    compact: (parts) => run('compact', { parts }),
    diffUpdate: (parts, vector) => run('diffUpdate', { parts, vector }),
    prune: (parts, update) => run('prune', { parts, update }),
    restore: (parts, target, client) => run('restore', { parts, target, client }),
    edit: (parts, edits, client) => run('edit', { parts, edits, client }),
    compare: (before, after) => run('compare', { before, after }),
    json: (parts) => run('json', { parts }),
    authors: (parts) => run('authors', { parts }),
  };
}
