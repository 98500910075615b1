import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Logger } from '../ops/logger.ts';
import { StartError } from '../server/start-error.ts';

/** How long an app that ended rests before it is started again, ms: one that cannot start does not keep a core busy. */
const REST_MS = 1_000;

/** How long an app may take to end once it was let go, ms. */
const END_MS = 3_000;

/** An app's own backend, run beside a development server as a process that ends with it. */
export type AppProcess = {
  /** Where it listens; null while it is being started again. */
  url(): string | null;
  /** Lets it go, and resolves when it is gone. */
  stop(): Promise<void>;
};

type Ready = { readonly child: ChildProcess; readonly url: string };

/**
 * Starts a program in Node.js and waits until it says by `process.send({ url })` where it listens. One that ends by itself is started again.
 * It is let go by the end of its channel (`disconnect`), which it hears of a server that was killed too.
 *
 * @throws StartError where it ends before it says so
 */
export async function startApp(
  file: string,
  env: NodeJS.ProcessEnv,
  logger: Pick<Logger, 'warn'>,
): Promise<AppProcess> {
  let current: Ready | null = null;
  let resting: ReturnType<typeof setTimeout> | null = null;
  let isStopping = false;

  async function start(): Promise<void> {
    // Its output goes where this process complains: stdout is for what programs read.
    const child = fork(resolve(file), { env, stdio: ['ignore', 2, 2, 'ipc'] });
    const ended = once(child, 'exit');
    const told = Promise.withResolvers<string | null>();
    child.on('message', (message) => told.resolve(urlIn(message)));
    void ended.then(() => told.resolve(null));
    const url = await told.promise;
    if (url === null || isStopping) {
      child.kill('SIGKILL');
      throw new StartError(`--app ${file}: it did not say where it listens`);
    }
    current = { child, url };
    child.once('exit', (code, signal) => {
      current = null;
      if (isStopping) return;
      logger.warn({ code, signal }, 'app_ended');
      again();
    });
  }

  function again(): void {
    resting = setTimeout(() => {
      start().catch(() => {
        if (!isStopping) again();
      });
    }, REST_MS);
  }

  await start();
  return {
    url: () => current?.url ?? null,
    async stop() {
      isStopping = true;
      if (resting !== null) clearTimeout(resting);
      if (current === null) return;
      const { child } = current;
      const ended = once(child, 'exit');
      if (child.connected) child.disconnect();
      const tooLong = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await ended;
      clearTimeout(tooLong);
    },
  };
}

function urlIn(message: unknown): string | null {
  if (typeof message !== 'object' || message === null || !('url' in message)) return null;
  return typeof message.url === 'string' ? message.url : null;
}
