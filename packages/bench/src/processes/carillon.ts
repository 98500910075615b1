import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { freePort } from './free-port.ts';
import { startLineProcess } from './line-process.ts';

/**
 * What the server is started with, as `npm start` does: V8 would otherwise keep up to 128 MB for young objects, which
 * tells more about V8 than about a session.
 */
export const SERVER_FLAGS = ['--max-semi-space-size=16'] as const;

/** Raised, because thousands of people come from a few addresses here, and publish as fast as they can. */
export const RAISED_LIMITS = {
  CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '100000',
  CARILLON_LIMITS_CONNECTS_PER_SECOND: '100000',
  CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
  CARILLON_LIMITS_MESSAGE_BURST: '1000000',
} as const;

const SECRET = randomBytes(32).toString('base64');
const API_KEY = randomBytes(16).toString('hex');
const TOKEN_SECONDS = 6 * 3600;

export type Carillon = {
  readonly pid: number;
  readonly port: number;
  /** POSTs to the HTTP API. @throws Error with the answer when it is not 2xx */
  post(path: string, body: string | Uint8Array<ArrayBuffer>): Promise<unknown>;
  /** The same with a body of JSON. */
  postJson(path: string, body: object): Promise<unknown>;
  /** PUTs bytes, and GETs them. @throws Error with the answer when it is not 2xx */
  put(path: string, body: Uint8Array): Promise<void>;
  get(path: string): Promise<Uint8Array>;
  /** Publishes on a channel, as the app would. */
  publish(channel: string, body: object): Promise<{ readonly epoch: string; readonly offset: number }>;
  /** Reads all metrics; what comes back gives the value of one without labels. */
  metrics(): Promise<(name: string) => number>;
  end(signal?: NodeJS.Signals): Promise<void>;
};

/** A folder for a database that nobody has used. */
export function newDatabase(bench: Bench): string {
  return join(mkdtempSync(join(bench.folder, 'database-')), 'carillon.sqlite');
}

/** Starts `carillon serve` on a free port, in a process of its own on the server's core. */
export async function startCarillon(
  bench: Bench,
  database: string,
  settings: Readonly<Record<string, string>> = {},
  config: string | null = null,
): Promise<Carillon> {
  const port = await freePort();
  const main = join(
    dirname(fileURLToPath(import.meta.resolve('@carillon/server/package.json'))),
    'src/cli/main.ts',
  );
  const configured = config === null ? [] : ['--config', config];
  const child = startLineProcess(
    bench.cores.server([
      process.execPath,
      ...process.execArgv,
      ...SERVER_FLAGS,
      main,
      'serve',
      ...configured,
    ]),
    {
      ...process.env,
      PORT: String(port),
      HOST: '127.0.0.1',
      CARILLON_DATABASE_URL: `sqlite:${database}`,
      CARILLON_JWT_SECRET: SECRET,
      CARILLON_API_KEY: API_KEY,
      ...RAISED_LIMITS,
      ...settings,
    },
    bench.folder,
  );
  await child.next(({ msg }) => msg === 'listening');
  const url = `http://127.0.0.1:${port}`;

  async function postAs(
    type: string,
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
  ): Promise<unknown> {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${API_KEY}`, 'Content-Type': type },
      body,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    const answer: unknown = JSON.parse(text);
    return answer;
  }

  return {
    pid: child.pid,
    port,
    post: (path, body) => postAs('text/csv', path, body),
    postJson: (path, body) => postAs('application/json', path, JSON.stringify(body)),
    async put(path, body) {
      const response = await fetch(`${url}${path}`, {
        method: 'PUT',
        headers: { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/octet-stream' },
        body: new Uint8Array(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    },
    async get(path) {
      const headers = { Authorization: `Bearer ${API_KEY}`, Accept: 'application/octet-stream' };
      const response = await fetch(`${url}${path}`, { headers });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return new Uint8Array(await response.arrayBuffer());
    },
    publish: (channel, body) =>
      postAs(
        'application/json',
        `/v1/channels/${encodeURIComponent(channel)}/publications`,
        JSON.stringify(body),
      ) as Promise<{ epoch: string; offset: number }>,
    async metrics() {
      const headers = { Authorization: `Bearer ${API_KEY}` };
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      return (name) => {
        const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
        if (value === undefined) throw new Error(`no metric ${name}`);
        return Number(value);
      };
    },
    end: (signal = 'SIGKILL') => child.end(signal),
  };
}

/** The configuration that the channels' scenarios are measured with. */
export const CHANNELS_CONFIG = join(import.meta.dirname, '../carillon.config.ts');

/** The one that several nodes are measured with. */
export const NODES_CONFIG = fileURLToPath(import.meta.resolve('../nodes.config.ts'));

/** A login token (HS256), as an app's backend would sign. */
export function loginToken(user: string): string {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, iat: now, exp: now + TOKEN_SECONDS })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** The first message of a connection. */
export function loginMessage(user: string, more: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({ t: 'login', username: user, token: loginToken(user), ...more });
}

/** How a load generator enters and keeps a session. */
export const CARILLON_CLIENT = {
  path: '/ws',
  ready: '"t":"sync"',
  heartbeat: { ping: '{"t":"hb"', pong: '{"t":"hb"}' },
} as const;

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
