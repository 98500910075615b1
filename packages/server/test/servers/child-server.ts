import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

/** Log lines kept to be shown when a server does not start. */
const KEPT_LOG_LINES = 50;

/** How often a server that is starting is tried again. */
const RETRY_MS = 20;

/** How long a server may take to start; a slow machine has all of it. */
const START_LIMIT_MS = 30_000;

/** A server of somebody else's, run by a test as a process of its own. */
export type ChildServer = {
  readonly pid: number;
  /** The newest lines it printed. */
  readonly log: readonly string[];
  readonly running: boolean;
  /** Null while it runs, and where a signal ended it. */
  readonly code: number | null;
  /** Resolves once the process is gone. */
  readonly exited: Promise<void>;
  /** Ends it, stopped or not; resolves once it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
};

const children = new Set<ChildProcess>();
const folders = new Set<string>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * Starts a program that ends with this process, however that ends: the kernel sees to it where setpriv is there.
 *
 * @param options.user runs it as this user; only root can
 * @param options.deathSignal what it gets when this process is killed: SIGTERM for one that has workers to end
 */
export function startChild(
  program: string,
  args: readonly string[],
  {
    user,
    deathSignal = 'KILL',
  }: { readonly user?: string | undefined; readonly deathSignal?: 'KILL' | 'TERM' } = {},
): ChildServer {
  const setpriv = findProgram(['setpriv']);
  if (user !== undefined && setpriv === undefined) throw new Error('setpriv (util-linux) is needed');
  const wrapped =
    setpriv === undefined
      ? [program, ...args]
      : [
          setpriv,
          ...(user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--init-groups']),
          `--pdeathsig=${deathSignal}`,
          program,
          ...args,
        ];
  const child = spawn(wrapped[0]!, wrapped.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const log: string[] = [];
  const note = (line: string): void => {
    log.push(line);
    if (log.length > KEPT_LOG_LINES) log.shift();
  };
  createInterface(child.stdout).on('line', note);
  createInterface(child.stderr).on('line', note);
  let running = true;
  let code: number | null = null;
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      note(String(error));
      resolve();
    });
    // Its pipes stay open while a child of its own has them: what counts is the process.
    child.once('exit', (status) => {
      code = status;
      resolve();
    });
  }).then(() => {
    running = false;
    children.delete(child);
  });
  return {
    pid: child.pid ?? 0,
    log,
    get running() {
      return running;
    },
    get code() {
      return code;
    },
    exited,
    async end(signal) {
      if (!running) return;
      child.kill(signal);
      // One that is stopped sees nothing but SIGKILL before it goes on.
      child.kill('SIGCONT');
      await exited;
    },
    signal: (signal) => void child.kill(signal),
  };
}

/**
 * Tries until a server that is starting answers.
 *
 * @param answers rejects or gives false while it does not
 */
export async function untilAnswers(
  server: ChildServer,
  what: string,
  answers: () => Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + START_LIMIT_MS;
  for (;;) {
    if (!server.running) throw new Error(`${what} ended before it answered:\n${server.log.join('\n')}`);
    const ready = await answers().catch(() => false);
    if (ready) return;
    if (performance.now() > endMs) throw new Error(`${what} does not answer:\n${server.log.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Whether a port accepts connections. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

/**
 * Loopback ports that are free now, none of them twice. Below those the kernel gives out by itself (32768 and up), so that
 * no connection of the test's takes one between here and the server's start; which, is up to the process.
 */
export async function freePorts(count: number, highest = 32_000): Promise<readonly number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = 10_000 + Math.floor(Math.random() * (highest - 10_000));
    if (!found.includes(port) && (await isFree(port))) found.push(port);
  }
  return found;
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return true;
  } catch {
    return false; // Somebody else has it.
  } finally {
    probe.close();
  }
}

/** A folder that goes with the process at the latest. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `carillon-${name}-`));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** The program that a variable names, or the first that is found; `folders` are looked through behind the PATH. */
export function serverProgram(variable: string, names: readonly string[], folders: readonly string[] = []) {
  const named = process.env[variable];
  const found = named !== undefined && named !== '' ? named : findProgram(names, folders);
  if (found === undefined) throw new Error(`${names.join(' or ')} is needed: install it, or set ${variable}`);
  return found;
}

function findProgram(names: readonly string[], folders: readonly string[] = []): string | undefined {
  const all = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin', ...folders];
  return names.flatMap((name) => all.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not ours to run.
  }
}

/** The folders `PARENT/VERSION/bin`, newest version first. */
export function versionedFolders(parent: string): readonly string[] {
  try {
    return readdirSync(parent)
      .filter((name) => /^\d+$/.test(name))
      .sort((one, other) => Number(other) - Number(one))
      .map((version) => join(parent, version, 'bin'));
  } catch {
    return []; // No such folder: nothing is installed there.
  }
}
