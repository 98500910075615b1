import type { ServerConfig } from '../../config.ts';
import type { Logger } from '../../ops/logger.ts';
import { createMetrics } from '../../ops/metrics.ts';
import { assembleServer, type CarillonServer } from '../../server.ts';
import { StartError } from '../../server/start-error.ts';
import { EXIT_FAILED } from '../command.ts';
import { runUntilSignalled } from '../run-server.ts';
import { leaveCluster, supervisorOf } from './supervisor-channel.ts';

/**
 * Runs a server as one of several processes: as it runs alone, but that why it does not start is told to the supervisor, and
 * `/metrics` is about all of them. Does not return: the channel to the supervisor would keep the process alive.
 */
export async function runWorker(config: ServerConfig, logger: Logger): Promise<never> {
  const { metrics, tell } = supervisorOf(createMetrics(logger));
  let server: CarillonServer;
  try {
    server = await assembleServer(config, { logger, development: null, metrics });
    await server.listen();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    await tell({ carillon: 'not-started', reason: error.message });
    process.exit(EXIT_FAILED);
  }
  const ended = runUntilSignalled(server, logger, { supervised: true });
  // Behind the handlers of signals: who is asked to leave from here on drains.
  await tell({ carillon: 'serving' });
  const code = await ended;
  await leaveCluster();
  process.exit(code);
}
