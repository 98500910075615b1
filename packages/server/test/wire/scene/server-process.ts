import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BARE_ENV } from '../../servers/bare-env.ts';
import { LOGIN_SECRET } from './login-token.ts';
import { within } from './within.ts';

/** What the tests' servers answer the HTTP API for. */
export const API_KEY = 'wire-tests-api-key';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** Compiled code stays, or its coming and going would hide what is looked for. */
const INSPECT_ARGUMENTS = ['--inspect=127.0.0.1:0', '--no-flush-bytecode'];
const NODE_ARGUMENTS = ['--conditions=carillon-source', '--disable-warning=ExperimentalWarning'];

/** Log lines kept to be shown when a test fails. */
const KEPT_LOG_LINES = 200;

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ApiReply = { readonly status: number; readonly body: unknown };

/** `carillon serve` as a process of its own. */
export type ServerProcess = {
  readonly pid: number;
  readonly port: number;
  /** The newest lines it logged. */
  readonly log: readonly string[];
  /** Where its inspector listens; null unless it was started with `inspect`. */
  readonly inspectorUrl: string | null;
  readonly exited: Promise<Exit>;
  /** Null while it runs. */
  readonly exit: Exit | null;
  signal(signal: NodeJS.Signals): void;
  /** Calls the HTTP API with its key. */
  api(method: string, path: string, body?: object | string): Promise<ApiReply>;
};

export type ServeOptions = {
  /** The process's working directory, where its database lies. */
  readonly folder: string;
  /** Environment variables beside the ones every server here has. */
  readonly settings?: Readonly<Record<string, string>>;
  /** 0 takes a free port. */
  readonly port?: number;
  /** Whether what it holds in memory will be looked at. */
  readonly inspect?: boolean;
  /** Behind `serve` on the command line. */
  readonly args?: readonly string[];
  /** The command of another version; unless given, this one's. */
  readonly main?: string | undefined;
};

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `carillon serve` and waits until it listens. */
export async function serve({
  folder,
  settings = {},
  port = 0,
  inspect = false,
  args = [],
  main = MAIN,
}: ServeOptions): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    [...(inspect ? INSPECT_ARGUMENTS : []), ...NODE_ARGUMENTS, main, 'serve', ...args],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...BARE_ENV,
        // Another version lies in a folder that goes away: what is compiled of it nobody needs again.
        ...(main === MAIN ? {} : { NODE_COMPILE_CACHE: undefined }),
        HOST: '127.0.0.1',
        PORT: String(port),
        CARILLON_JWT_SECRET: LOGIN_SECRET,
        CARILLON_API_KEY: API_KEY,
        CARILLON_DATABASE_URL: 'sqlite:carillon.sqlite',
        ...settings,
      },
    },
  );
  running.add(child);
  const log: string[] = [];
  const listening = Promise.withResolvers<string>();
  let exit: Exit | null = null;
  let inspectorUrl: string | null = null;
  const exited = once(child, 'exit').then(([code, signal]): Exit => {
    running.delete(child);
    exit = { code: code as number | null, signal: signal as NodeJS.Signals | null };
    listening.reject(new Error(`the server ended before it listened:\n${log.join('\n')}`));
    return exit;
  });

  function note(line: string): void {
    log.push(line);
    if (log.length > KEPT_LOG_LINES) log.shift();
    const url = /"url":"([^"]+)".*"msg":"listening"/.exec(line)?.[1];
    if (url !== undefined) listening.resolve(url);
    inspectorUrl ??= /^Debugger listening on (ws:\S+)/.exec(line)?.[1] ?? null;
  }
  createInterface(child.stdout).on('line', note);
  createInterface(child.stderr).on('line', note);

  const url = await within(listening.promise, 'the server listens', () => log.join('\n'));
  const bound = new URL(url);

  return {
    pid: child.pid!,
    port: Number(bound.port),
    log,
    exited,
    get inspectorUrl() {
      return inspectorUrl;
    },
    get exit() {
      return exit;
    },
    signal: (signal) => void child.kill(signal),
    api: (method, path, body) => callApi(Number(bound.port), method, path, body),
  };
}

/** Sends the path as it is given: `fetch` would resolve the dots of a user called `..`. */
async function callApi(
  port: number,
  method: string,
  path: string,
  body: object | string | undefined,
): Promise<ApiReply> {
  const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<ApiReply>();
  const headers = {
    authorization: `Bearer ${API_KEY}`,
    ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }),
  };
  // A connection of its own: one that is kept may be closed by the server at the very moment it is used again.
  const options = { host: '127.0.0.1', port, method, path, headers, agent: false };
  const request = httpRequest(options, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (text += chunk));
    response.on('error', reject);
    response.on('end', () => {
      const isJson = response.headers['content-type']?.includes('json') === true;
      resolve({ status: response.statusCode!, body: isJson && text !== '' ? JSON.parse(text) : text });
    });
  });
  request.on('error', reject);
  request.end(payload);
  return within(promise, `${method} ${path} is answered`);
}
