import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import {
  type ChildServer,
  freePorts,
  removeFolder,
  serverProgram,
  startChild,
  temporaryFolder,
  untilAnswers,
  versionedFolders,
} from './child-server.ts';

/** The superuser of the server, and its password. */
const USER = 'carillon';

export type PostgresOptions = {
  /** More settings, as in postgresql.conf: `['max_connections', '20']`. */
  readonly settings?: readonly (readonly [string, string])[];
};

/** A real Postgres on the loopback, in a folder of its own, ended with the test's process. */
export type PostgresServer = {
  readonly host: string;
  readonly port: number;
  /** Of the database `postgres`, as a superuser. */
  readonly url: string;
  readonly log: readonly string[];
  /** Makes an empty database, and gives its URL. */
  createDatabase(): Promise<string>;
  /** Runs one statement in the database `postgres`. */
  run(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Ends it at once and removes its folder. */
  stop(): Promise<void>;
  /** Ends all its processes in the middle of whatever they do; the folder stays. */
  kill9(): Promise<void>;
  /** Stops all its processes with SIGSTOP: connections stay, and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it as an operator would (`pg_ctl stop -m fast`); `restart` brings it back. */
  shutDown(): Promise<void>;
  /** Starts it again, at the same port and on the same folder; ends it first where it still runs. */
  restart(): Promise<void>;
};

/** Makes a cluster of databases, starts a server on it and waits until it answers. Nothing is synced to disk unless set. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const program = postgresProgram('postgres');
  const folder = temporaryFolder('postgres');
  const user = unprivileged();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const [port] = await freePorts(1);
  const password = randomBytes(9).toString('base64url');

  const initdb = startChild(
    'bash',
    // The password comes through a pipe: on a command line everybody could read it.
    [
      '-c',
      `printf '%s' "$2" | "$0" -D "$1" -U ${USER} -A scram-sha-256 --pwfile=/dev/stdin -E UTF8 --locale=C --no-sync`,
      join(dirname(program), 'initdb'),
      data,
      password,
    ],
    { user: user?.name },
  );
  await initdb.exited;
  if (initdb.code !== 0) throw new Error(`initdb failed:\n${initdb.log.join('\n')}`);

  const settings: (readonly [string, string])[] = [
    ['listen_addresses', '127.0.0.1'],
    ['port', String(port)],
    ['unix_socket_directories', ''],
    ['fsync', 'off'],
    ['shared_buffers', '16MB'],
    ['log_min_messages', 'warning'],
    ...(options.settings ?? []),
  ];
  const args = ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  let server: ChildServer;

  const url = (database: string): string => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;

  async function start(): Promise<void> {
    server = startChild(program, args, { user: user?.name });
    await untilAnswers(server, `postgres on port ${port}`, async () => {
      const rows = await run('SELECT 1 AS one');
      return rows.length === 1;
    });
  }

  async function run(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ connectionString: url('postgres') });
    client.on('error', () => undefined); // It is told by what it makes reject.
    await client.connect();
    try {
      const { rows } = await client.query<Readonly<Record<string, unknown>>>(statement);
      return rows;
    } finally {
      await client.end().catch(() => undefined); // The answer is there already.
    }
  }

  function signalAll(signal: NodeJS.Signals): void {
    // It starts no process while the others are looked for.
    server.signal('SIGSTOP');
    for (const pid of childrenOf(server.pid)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended since: nothing is left to be signalled.
      }
    }
    server.signal(signal);
  }

  await start();
  return {
    host: '127.0.0.1',
    port: port!,
    url: url('postgres'),
    get log() {
      return server.log;
    },
    async createDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await run(`CREATE DATABASE ${name}`);
      return url(name);
    },
    run,
    async stop() {
      signalAll('SIGKILL');
      await server.exited;
      removeFolder(folder);
    },
    async kill9() {
      signalAll('SIGKILL');
      await server.exited;
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    shutDown: () => server.end('SIGINT'),
    async restart() {
      await server.end('SIGINT');
      await start();
    },
  };
}

/** One of Postgres's own programs, of the version that the tests run. */
export function postgresProgram(name: string): string {
  const bin = process.env['CARILLON_POSTGRES_BIN'];
  const beside = bin === undefined || bin === '' ? null : join(bin, name);
  if (beside !== null && existsSync(beside)) return beside;
  // The client's programs may lie elsewhere than the server's.
  return serverProgram(`CARILLON_${name.toUpperCase()}`, [name], versionedFolders('/usr/lib/postgresql'));
}

/** Who runs it: Postgres refuses root. */
function unprivileged(): { readonly name: string; readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((which) => spawnSync('id', [which, name], { encoding: 'utf8' }));
    if (uid?.status === 0 && gid?.status === 0)
      return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error('Postgres refuses to run as root, and there is neither a user postgres nor nobody');
}

/** Linux alone: Postgres gives each of its processes a group of its own, so that no signal reaches all of them. */
function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return []; // It has ended.
  }
}
