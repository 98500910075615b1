import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';

const COMMAND = fileURLToPath(new URL('../../../packages/server/src/cli/main.ts', import.meta.url));

const TASKS_BACKEND = fileURLToPath(new URL('../../tasks/src/main.ts', import.meta.url));

/** Where programs are found, and where Node keeps what it compiled. */
const { PATH, NODE_COMPILE_CACHE } = process.env;

const STUDIO_CONFIG = new URL('../carillon.config.ts', import.meta.url).href;

/** A `carillon dev --studio` of its own: a process, a port and a folder that nobody else uses. */
export type ServerProcess = {
  /** Where the page is; the same after a restart. */
  readonly url: string;
  /** Ends the process as a crash would, and resolves when it is gone. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** The process of the tasks' backend, which the server looks after. */
  backendPid(): number;
  /** What the backend's own database holds. @param query of one column or more */
  backendRows(query: string): readonly Readonly<Record<string, unknown>>[];
  /** Ends it and removes its data. */
  remove(): Promise<void>;
};

/** @param config what stands in carillon.config.mjs beside the studio's own; without `sessions.graceMs` the grace is the default one */
export async function startServer(config: object = {}): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-studio-'));
  writeFileSync(
    join(folder, 'carillon.config.mjs'),
    `import studio from ${JSON.stringify(STUDIO_CONFIG)};\nexport default { ...studio, ...${JSON.stringify(config)} };\n`,
  );
  let port = '0';
  let running: ChildProcess | null = null;

  async function start(): Promise<string> {
    const { child, url } = await launch(folder, port);
    running = child;
    ({ port } = new URL(url));
    return url;
  }

  async function kill9(): Promise<void> {
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, 'exit');
    running.kill('SIGKILL');
    await exit;
  }

  const url = await start();
  return {
    url,
    kill9,
    async start() {
      await start();
    },
    backendPid() {
      const pid = running?.pid ?? 0;
      return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
    },
    backendRows(query) {
      const db = new Database(join(folder, '.carillon', 'tasks.sqlite'), { readonly: true, timeout: 5_000 });
      const rows = db.prepare<[], Record<string, unknown>>(query).all();
      db.close();
      return rows;
    },
    async remove() {
      await kill9();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function launch(folder: string, port: string): Promise<{ child: ChildProcess; url: string }> {
  const args = [
    '--conditions=carillon-source',
    '--disable-warning=ExperimentalWarning',
    COMMAND,
    'dev',
    '--studio',
    '--port',
    port,
    '--app',
    TASKS_BACKEND,
  ];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    // Nothing else of the surroundings configures it; the backend takes a free port, for a studio may run beside the tests.
    env: { PATH, NODE_COMPILE_CACHE, CARILLON_LOG_LEVEL: 'warn', TASKS_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  for await (const line of createInterface(child.stdout)) {
    const url = /^Carillon is at (http:\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { child, url };
  }
  throw new Error(`the server did not start: ${complaints}`);
}
