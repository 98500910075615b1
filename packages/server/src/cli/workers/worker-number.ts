import cluster from 'node:cluster';

/** How a worker learns its number. No setting: it is taken out of the environment before that is read for settings. */
export const WORKER_VARIABLE = 'CARILLON_WORKER';

/** The number of this process among the workers, from 1; null where it is none. Only the first call knows. */
export function takeWorkerNumber(env: NodeJS.ProcessEnv): number | null {
  const text = env[WORKER_VARIABLE];
  if (!cluster.isWorker || text === undefined) return null;
  delete env[WORKER_VARIABLE];
  return Number(text);
}
