import { type Backend, startBackend } from './backend.ts';
import { readSettings, SettingError } from './settings.ts';

function complain(what: string, error: unknown): void {
  process.stderr.write(`tasks: ${what}: ${error instanceof Error ? error.message : String(error)}\n`);
}

async function main(): Promise<void> {
  let backend: Backend;
  try {
    backend = await startBackend(readSettings(process.env), complain);
  } catch (error) {
    complain(error instanceof SettingError ? 'settings' : 'start', error);
    process.exitCode = 1;
    return;
  }
  let closing: Promise<void> | null = null;
  const close = (): void => {
    closing ??= backend.close().then(() => {
      if (process.connected) process.disconnect();
    });
  };
  process.on('SIGTERM', close);
  if (process.send === undefined) {
    process.on('SIGINT', close);
    process.stdout.write(`The tasks are at ${backend.url}\n`);
    return;
  }
  // Started by another program, which is told the address, and without which there is nobody to serve. A terminal sends its
  // SIGINT to both: this one goes on until the other has sent its clients away.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', close);
  process.send({ url: backend.url });
}

await main();
