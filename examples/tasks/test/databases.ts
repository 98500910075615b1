import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';

/** A database of the backend's: its settings, and what a test reads of it. */
export type TestDatabase = {
  readonly env: Readonly<Record<string, string>>;
  /** Runs a statement in it, beside the backend. */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  remove(): Promise<void>;
};

export async function sqliteDatabase(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-tasks-'));
  const file = join(folder, 'tasks.sqlite');
  return {
    env: { TASKS_DATABASE_URL: `sqlite:${file}` },
    async query(sql) {
      const db = new Database(file, { timeout: 5_000 });
      const statement = db.prepare<[], Record<string, unknown>>(sql);
      const rows = statement.reader ? statement.all() : (statement.run(), []);
      db.close();
      return rows;
    },
    async remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A real Postgres on the loopback, in a folder of its own that is gone with the test. */
export async function postgresDatabase(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-tasks-pg-'));
  const owner = unprivileged();
  chmodSync(folder, 0o700);
  if (owner !== null) chownSync(folder, owner.uid, owner.gid);
  const as = { ...owner, cwd: folder };
  const data = join(folder, 'data');
  const made = spawnSync(
    postgresProgram('initdb'),
    ['-D', data, '-U', 'tasks', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...as, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'fsync=off'];
  const server = spawn(
    postgresProgram('postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...as, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const url = `postgres://tasks@127.0.0.1:${port}/postgres`;
  await untilReady(server);
  return {
    env: { TASKS_DATABASE_URL: url },
    async query(sql) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(sql);
      await client.end();
      return rows;
    },
    async remove() {
      const exit = once(server, 'exit');
      // An immediate shutdown: nothing of it is to be kept.
      server.kill('SIGQUIT');
      await exit;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when it says that it takes connections. */
async function untilReady(server: ChildProcess): Promise<void> {
  let log = '';
  const ready = Promise.withResolvers<void>();
  server.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
    if (log.includes('ready to accept connections')) ready.resolve();
  });
  server.once('exit', () => ready.reject(new Error(`postgres did not start: ${log}`)));
  await ready.promise;
}

function postgresProgram(name: string): string {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const folders = [
    process.env['CARILLON_POSTGRES_BIN'] ?? '',
    ...versions
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => `/usr/lib/postgresql/${version}/bin`),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  const found = folders.find((folder) => folder !== '' && existsSync(join(folder, name)));
  if (found === undefined) throw new Error(`${name} is nowhere: set CARILLON_POSTGRES_BIN to its folder`);
  return join(found, name);
}

/** Who runs it: Postgres refuses root. */
function unprivileged(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((which) => spawnSync('id', [which, name], { encoding: 'utf8' }));
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error('Postgres refuses to run as root, and there is neither a user postgres nor nobody');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
