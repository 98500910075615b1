import type { ServerConfig } from '../config.ts';
import type { Logger } from '../ops/logger.ts';
import { assembleServer, type CarillonServer } from '../server.ts';
import { runUntilSignalled, startFailed } from './run-server.ts';

/** Runs a server as this process. */
export async function runAlone(config: ServerConfig, logger: Logger): Promise<number> {
  let server: CarillonServer;
  try {
    server = await assembleServer(config, { logger, development: null });
    await server.listen();
  } catch (error) {
    return startFailed(error);
  }
  return runUntilSignalled(server, logger);
}
