import type { Logger } from '../ops/logger.ts';
import type { CarillonServer } from '../server.ts';
import { StartError } from '../server/start-error.ts';
import { complain, EXIT_FAILED, EXIT_OK } from './command.ts';

/** Exit code of a process that a signal ended, as shells count it: 128 and the signal's number. */
export const EXIT_SIGNALLED = { SIGINT: 130, SIGTERM: 143 } as const;

/** How long a drain may take beyond its window before the process ends anyway. */
const STOP_TIME_LIMIT_MS = 10_000;

/**
 * Runs a server that listens until a signal ends it, or it fails. Either drains it; a second signal, or one during the
 * drain of a failure, ends the process at once.
 *
 * @param supervised a second signal means nothing: service managers and terminals send theirs to every process of a group,
 * where the supervisor then passes on its own; it is the supervisor who ends what must end at once
 * @returns the exit code
 */
export async function runUntilSignalled(
  server: CarillonServer,
  logger: Logger,
  { supervised = false }: { readonly supervised?: boolean } = {},
): Promise<number> {
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
    process.on(again, () => {
      if (!supervised) process.exit(EXIT_SIGNALLED[again]);
    });
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

/** Says why a server did not start, where that is known; anything else is a failure of the program. */
export function startFailed(error: unknown): number {
  if (!(error instanceof StartError)) throw error;
  complain(error.message);
  return EXIT_FAILED;
}
