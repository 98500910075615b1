import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { BARE_ENV } from '../servers/bare-env.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export const SECRET = 'a secret of at least thirty-two bytes';
export const API_KEY = 'an-api-key-of-some-length';

const children: ChildProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-cli-'));
  folders.push(folder);
  return folder;
}

/** A `carillon` process. */
export type Run = {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when stdout or stderr matches; rejects when the process ends without. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
};

export type Given = {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
};

/** Starts the real command as a process of its own, with nothing of this one's settings in its environment. */
export function carillon(args: readonly string[], { cwd, env = {}, stdin }: Given): Run {
  const child = spawn(
    process.execPath,
    ['--conditions=carillon-source', '--disable-warning=ExperimentalWarning', MAIN, ...args],
    {
      cwd,
      env: { ...BARE_ENV, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  children.push(child);
  const texts = { stdout: '', stderr: '' };
  let changed = Promise.withResolvers<void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString();
      changed.resolve();
      changed = Promise.withResolvers();
    });
  child.stdin.end(stdin);
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  let over = false;
  void ended.then(() => {
    over = true;
    changed.resolve();
  });
  return {
    child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    ended,
    async says(pattern) {
      for (;;) {
        const match = pattern.exec(texts.stdout) ?? pattern.exec(texts.stderr);
        if (match !== null) return match;
        if (over) throw new Error(`it ended without saying ${pattern}:\n${texts.stdout}\n${texts.stderr}`);
        await changed.promise;
      }
    },
  };
}

/** Runs a command that ends by itself. */
export async function result(
  args: readonly string[],
  given: Given,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const run = carillon(args, given);
  const { code } = await run.ended;
  return { code, stdout: run.stdout(), stderr: run.stderr() };
}
