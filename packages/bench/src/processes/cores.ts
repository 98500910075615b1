import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Where programs run: the server on one core, the load on another, where the machine allows it. */
export type Cores = {
  /** For the report. */
  readonly described: string;
  server(command: readonly string[]): readonly string[];
  load(command: readonly string[]): readonly string[];
};

/** Wherever the kernel puts them: several servers, their Redis and the load share all cores. */
export const ANY_CORE: Omit<Cores, 'described'> = {
  server: (command) => command,
  load: (command) => command,
};

/** Finds out whether programs can be pinned (`taskset` of util-linux, and two cores). */
export function findCores(): Cores {
  const pins = spawnSync('taskset', ['-c', '1', 'true']).status === 0;
  if (!pins || availableParallelism() < 2) {
    return {
      described:
        'not pinned to cores (no taskset, or one core): the server and the load shared what there was',
      server: (command) => command,
      load: (command) => command,
    };
  }
  return {
    described: 'server on core 0, load on core 1 (taskset)',
    server: (command) => ['taskset', '-c', '0', ...command],
    load: (command) => ['taskset', '-c', '1', ...command],
  };
}
