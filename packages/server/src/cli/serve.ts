import { createLogger } from '../ops/logger.ts';
import { type Command, complain, EXIT_FAILED, EXIT_USAGE, readArguments } from './command.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';
import { endOnUncaught } from './run-server.ts';
import { NO_REDIS, workerCount, WORKERS_PROBLEM } from './workers/worker-count.ts';
import { takeWorkerNumber } from './workers/worker-number.ts';

/** Runs a server for real. */
export const serve: Command = {
  summary: 'run the server',
  help: `Usage: carillon serve [options]

Runs the server until SIGTERM or SIGINT, which drain it: clients are told to come back spread over a window. A second
signal ends it at once. It does not start unless it is configured who may log in.

  --workers N    as N processes on one port, or auto: one for each core; needs Redis. One that dies is replaced; SIGUSR2
                 restarts them one after the other
  --config FILE  configuration file, instead of carillon.config.ts
  --port N       TCP port, instead of PORT
  --host HOST    address to listen on, instead of HOST
`,
  async run(args) {
    const given = readArguments(args, { ...CONFIG_OPTIONS, workers: { type: 'string' } });
    if (given === null) return EXIT_USAGE;
    const { workers } = given.values;
    const size = workers === undefined ? 0 : workerCount(workers);
    if (size === null) {
      complain(WORKERS_PROBLEM);
      return EXIT_USAGE;
    }
    const worker = takeWorkerNumber(process.env);
    const loaded = await readConfig(given.values);
    if (loaded === null) return EXIT_FAILED;
    const { config, unknownVariables } = loaded;
    const logger = createLogger(config.logLevel, undefined, worker === null ? null : { worker });
    endOnUncaught(logger);
    // Loaded when it is known which: who supervises needs nothing of what a server is made of.
    if (worker !== null) return (await import('./workers/run-worker.ts')).runWorker(config, logger);
    for (const variable of unknownVariables) logger.warn({ variable }, 'unknown_setting');
    if (size === 0) return (await import('./run-alone.ts')).runAlone(config, logger);
    if (config.redis === null) {
      complain(NO_REDIS);
      return EXIT_FAILED;
    }
    return (await import('./workers/supervise.ts')).supervise({ size, ...config.workers }, logger);
  },
};
