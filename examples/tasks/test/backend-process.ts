import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { afterAll } from 'vitest';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export const SECRET = 'a secret of the tests, long enough for HS256';
export const API_KEY = 'an-api-key-of-some-length';

/** Where programs are found, and where Node keeps what it compiled: no settings of a program's own. */
const { PATH, NODE_COMPILE_CACHE } = process.env;

const running = new Set<ChildProcess>();

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
  running.delete(child);
  return child.exitCode;
}

afterAll(() => Promise.all([...running].map((child) => end(child, 'SIGKILL'))));

/** A program of Node.js in a process of its own, with nothing of this one's surroundings. */
export type Program = {
  readonly url: string;
  readonly stderr: () => string;
  kill9(): Promise<void>;
  /** As an operator ends it. @returns its exit code */
  stop(): Promise<number | null>;
};

/**
 * @param announces what it prints once it is there, with its address
 * @throws Error with what it complained of where it ends before
 */
export async function startProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  announces: RegExp,
): Promise<Program> {
  const child = spawn(
    process.execPath,
    ['--conditions=carillon-source', '--disable-warning=ExperimentalWarning', ...args],
    { env: { PATH, NODE_COMPILE_CACHE, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  running.add(child);
  let complaints = '';
  const found = Promise.withResolvers<string>();
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => {
      const url = announces.exec(line)?.[1];
      if (url !== undefined) found.resolve(url);
    });
  child.once('close', () => found.reject(new Error(`it did not start: ${complaints}`)));
  const url = await found.promise;
  return {
    url,
    stderr: () => complaints,
    async kill9() {
      await end(child, 'SIGKILL');
    },
    stop: () => end(child, 'SIGTERM'),
  };
}

/** The backend, as `npm start -w examples/tasks` runs it. */
export function startBackend(env: Readonly<Record<string, string>>): Promise<Program> {
  return startProgram(
    [MAIN],
    { TASKS_PORT: '0', CARILLON_JWT_SECRET: SECRET, CARILLON_API_KEY: API_KEY, ...env },
    /^The tasks are at (\S+)$/,
  );
}

/** A login token, as the app's own login would sign it. */
export function tokenOf(
  user: string,
  {
    secret = SECRET,
    expires = '1h',
    claims = {},
  }: { readonly secret?: string; readonly expires?: string; readonly claims?: object } = {},
): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}

export type Answered = {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, unknown>;
};

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string | undefined>>,
) => Promise<Answered>;

/** What one user asks the backend. A body that is a text is sent as it is. */
export async function asUser(backend: Pick<Program, 'url'>, user: string): Promise<Ask> {
  const token = await tokenOf(user);
  return async (method, path, body, headers = {}) => {
    const all = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers };
    const sent = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const response = await fetch(backend.url + path, {
      method,
      headers: sent,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: JSON.parse(text) as Record<string, unknown> };
  };
}
