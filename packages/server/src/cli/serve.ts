import { createLogger } from '../ops/logger.ts';
import { assembleServer, type CarillonServer } from '../server.ts';
import { StartError } from '../server/start-error.ts';
import { type Command, complain, EXIT_FAILED, EXIT_USAGE, readArguments } from './command.ts';
import { CONFIG_OPTIONS, readConfig } from './load.ts';
import { endOnUncaught, runUntilSignalled } from './run-server.ts';

/** Runs a server for real. */
export const serve: Command = {
  summary: 'run the server',
  help: `Usage: carillon serve [options]

Runs the server until SIGTERM or SIGINT, which drain it: clients are told to come back spread over a window. A second
signal ends it at once. It does not start unless it is configured who may log in.

  --config FILE  configuration file, instead of carillon.config.ts
  --port N       TCP port, instead of PORT
  --host HOST    address to listen on, instead of HOST
`,
  async run(args) {
    const given = readArguments(args, CONFIG_OPTIONS);
    if (given === null) return EXIT_USAGE;
    const loaded = await readConfig(given.values);
    if (loaded === null) return EXIT_FAILED;
    const logger = createLogger(loaded.config.logLevel);
    endOnUncaught(logger);
    for (const variable of loaded.unknownVariables) logger.warn({ variable }, 'unknown_setting');
    let server: CarillonServer;
    try {
      server = await assembleServer(loaded.config, { logger, development: null });
      await server.listen();
    } catch (error) {
      return startFailed(error);
    }
    return runUntilSignalled(server, logger);
  },
};

/** Says why a server did not start, where that is known; anything else is a failure of the program. */
export function startFailed(error: unknown): number {
  if (!(error instanceof StartError)) throw error;
  complain(error.message);
  return EXIT_FAILED;
}
