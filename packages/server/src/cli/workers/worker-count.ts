import { availableParallelism } from 'node:os';

/** More processes than any machine has cores are a slip of the keyboard. */
const MOST_WORKERS = 256;

/**
 * What `--workers` asks for.
 *
 * @param text `auto`: as many as the machine has cores for this process; else a whole number
 * @returns null where it is neither
 */
export function workerCount(text: string): number | null {
  if (text === 'auto') return Math.min(availableParallelism(), MOST_WORKERS);
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MOST_WORKERS ? count : null;
}

/** What `serve` says of any other value. */
export const WORKERS_PROBLEM = `--workers must be auto, or a whole number from 1 to ${MOST_WORKERS}`;

/** What `serve` says where nothing would make the workers one. */
export const NO_REDIS =
  '--workers: several processes are one service over Redis: set CARILLON_REDIS_URL, or leave --workers out to run one process';
