import type { Logger } from '../ops/logger.ts';
import type { CarillonServer } from '../server.ts';
import { EXIT_FAILED, EXIT_OK } from './command.ts';

/** Exit code of a process that a signal ended, as shells count it: 128 and the signal's number. */
const EXIT_SIGNALLED = { SIGINT: 130, SIGTERM: 143 } as const;

/** How long a drain may take beyond its window before the process ends anyway. */
const STOP_TIME_LIMIT_MS = 10_000;

/**
 * Runs a server that listens until a signal ends it, or it fails. Either drains it; a second signal, or one during the
 * drain of a failure, ends the process at once.
 *
 * @returns the exit code
 */
export async function runUntilSignalled(server: CarillonServer, logger: Logger): Promise<number> {
  const signalled = new Promise<'SIGINT' | 'SIGTERM'>((resolve) => {
    process.once('SIGINT', () => resolve('SIGINT'));
    process.once('SIGTERM', () => resolve('SIGTERM'));
  });
  const cause = await Promise.race([
    signalled.then((signal) => ({ signal })),
    server.failed.then((failure) => ({ failure })),
  ]);
  for (const again of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(again);
    process.once(again, () => process.exit(EXIT_SIGNALLED[again]));
  }
  logger.info(cause, 'draining');
  // Unreferenced: it ends a stop that hangs, and holds up none that does not.
  setTimeout(() => {
    logger.error('stopping took too long');
    process.exit(EXIT_FAILED);
  }, STOP_TIME_LIMIT_MS).unref();
  await server.close();
  // A supervisor starts what failed again, not what was asked to stop.
  return 'failure' in cause ? EXIT_FAILED : EXIT_OK;
}

/** A failure that nobody caught leaves a process in a state that nobody knows: it is logged, and the process ends. */
export function endOnUncaught(logger: Logger): void {
  const end = (error: unknown): void => {
    logger.fatal(
      { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
      'uncaught',
    );
    process.exit(EXIT_FAILED);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
