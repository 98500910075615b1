import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdPostgres } from '../../src/adapters/sql/postgres/hold.ts';
import { POSTGRES_MIGRATIONS, migratePostgres } from '../../src/adapters/sql/postgres/migrate.ts';
import { connectPostgres, openPostgres } from '../../src/adapters/sql/postgres/postgres.ts';
import { BARE_ENV } from '../servers/bare-env.ts';
import { freePorts } from '../servers/child-server.ts';
import { type PostgresUnderTest, startPostgresUnderTest } from './postgres-under-test.ts';

const NEWEST = POSTGRES_MIGRATIONS.at(-1)?.number ?? 0;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let server: PostgresUnderTest;
beforeAll(async () => {
  server = await startPostgresUnderTest();
});
afterAll(() => server.stop());

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

async function carillon(args: readonly string[], databaseUrl: string): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=carillon-source', MAIN, ...args], {
    env: { ...BARE_ENV, CARILLON_DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

const passwordOf = (url: string): string => new URL(url).password;

describe('migrations', () => {
  it('from four processes at once: one does it, the others wait, and all say what there is', async () => {
    const url = await server.createDatabase();
    const name = `postgres://127.0.0.1:${server.port}${new URL(url).pathname}`;
    const all = await Promise.all(Array.from({ length: 4 }, () => carillon(['migrate'], url)));
    expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(all.map(() => [0, '']));
    const upToDate = `${name} is up to date: schema version ${NEWEST}\n`;
    const done = all.filter(({ stdout }) => stdout !== upToDate);
    expect(done.map(({ stdout }) => stdout)).toEqual([
      `${POSTGRES_MIGRATIONS.map((one) => `applied ${one.number} ${one.name}\n`).join('')}${name}: schema version ${NEWEST}, it was 0\n`,
    ]);
  }, 60_000);

  it('from eight connections at the very same time, on databases that are new', async () => {
    for (let round = 0; round < 3; round++) {
      const url = await server.createDatabase();
      const nodes = await Promise.all(Array.from({ length: 8 }, () => connectPostgres({ url })));
      // Every connection stands before the first begins.
      await Promise.all(nodes.map((node) => node.transaction((within) => within.exec('SELECT 1'))));
      const done = await Promise.all(nodes.map((node) => migratePostgres(node)));
      expect(done.map(({ from }) => from).toSorted((a, b) => a - b)).toEqual([
        0,
        ...Array.from({ length: 7 }, () => NEWEST),
      ]);
      for (const node of nodes) await node.close();
    }
  });

  it('one that fails leaves nothing, and the next start begins where it was', async () => {
    const postgres = await connectPostgres({ url: await server.createDatabase() });
    const more = [
      ...POSTGRES_MIGRATIONS,
      { number: NEWEST + 1, name: 'half', text: 'CREATE TABLE half (id integer); SELECT 1 / 0' },
    ];
    await expect(migratePostgres(postgres, more)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await migratePostgres(postgres)).toMatchObject({ from: 0, to: NEWEST });
    const whole = [
      ...POSTGRES_MIGRATIONS,
      { number: NEWEST + 1, name: 'whole', text: 'CREATE TABLE half ()' },
    ];
    expect(await migratePostgres(postgres, whole)).toEqual({
      from: NEWEST,
      to: NEWEST + 1,
      applied: [`${NEWEST + 1} whole`],
    });
    await postgres.close();
  });

  it('a schema newer than the program is refused with one line, by the server and by `carillon migrate`', async () => {
    const url = await server.createMigrated();
    const postgres = await openPostgres({ url });
    await postgres.transaction((within) =>
      within.exec(`INSERT INTO schema_migrations (number, name) VALUES (${NEWEST + 1}, 'later')`),
    );
    await postgres.close();
    const line = `the database has schema version ${NEWEST + 1}, this program knows ${NEWEST}: run the newer program`;
    await expect(openPostgres({ url })).rejects.toMatchObject({ code: 'schema_too_new', message: line });
    const { code, stdout, stderr } = await carillon(['migrate'], url);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `carillon: CARILLON_DATABASE_URL: postgres://127.0.0.1:${server.port}${new URL(url).pathname}: ${line}\n`,
    );
  });
});

describe('a Postgres that cannot be had is said in one line, without the password', () => {
  it.each([
    [
      'another password',
      (url: URL) => (url.password = 'hush'),
      /password authentication failed for user "carillon"/,
    ],
    ['no such database', (url: URL) => (url.pathname = '/nowhere'), /database "nowhere" does not exist/],
    [
      'no server',
      (url: URL, port: number) => (url.port = String(port)),
      /connect ECONNREFUSED 127\.0\.0\.1:\d+/,
    ],
    ['no such host', (url: URL) => (url.hostname = 'nowhere.invalid'), /getaddrinfo E\w+ nowhere\.invalid/],
    ['TLS that it does not have', (url: URL) => (url.search = 'sslmode=verify-full'), /does not support SSL/],
  ])('%s', async (_, change, reason) => {
    const [port = 0] = await freePorts(1);
    const url = new URL(server.url);
    change(url, port);
    const opened = openPostgres({ url: url.href, limits: { connectMs: 5_000 } });
    const error: unknown = await opened.catch((failed: unknown) => failed);
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(reason) as string });
    const { message } = error as Error;
    expect(message).not.toMatch(/\n/);
    expect(message).not.toContain(passwordOf(server.url));
    expect(message).not.toContain('hush');
  });
});

describe('one process without Redis', () => {
  const never = (): void => {
    throw new Error('it was taken');
  };

  it('holds the database alone; those that share it share it', async () => {
    const url = await server.createMigrated();
    const alone = await holdPostgres({ url }, 'alone', never);
    expect(alone).not.toBeNull();
    expect(await holdPostgres({ url }, 'alone', never)).toBeNull();
    expect(await holdPostgres({ url }, 'shared', never)).toBeNull();
    await alone?.release();
    const both = [await holdPostgres({ url }, 'shared', never), await holdPostgres({ url }, 'shared', never)];
    expect(both).not.toContain(null);
    expect(await holdPostgres({ url }, 'alone', never)).toBeNull();
    for (const hold of both) await hold?.release();
    const again = await holdPostgres({ url }, 'alone', never);
    expect(again).not.toBeNull();
    await again?.release();
  });

  it('is refused in one line where another process has it', async () => {
    const url = await server.createMigrated();
    const hold = await holdPostgres({ url }, 'alone', never);
    const { code, stderr } = await carillon(['import', '-'], url);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `carillon: CARILLON_DATABASE_URL: another process uses postgres://127.0.0.1:${server.port}${new URL(url).pathname}: stop it, or give all of them one CARILLON_REDIS_URL\n`,
    });
    await hold?.release();
  });

  it('takes it again when its connection was lost, and is told where somebody else was faster', async () => {
    const url = await server.createMigrated();
    const taken = Promise.withResolvers<void>();
    const first = await holdPostgres({ url }, 'alone', () => taken.resolve());
    const database = new URL(url).pathname.slice(1);
    /** The server's process that has the lock. */
    async function holder(): Promise<number | null> {
      const [row] = await server.run(
        `SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
          WHERE locktype = 'advisory' AND granted AND datname = '${database}'`,
      );
      return row === undefined ? null : Number(row['pid']);
    }
    const cut = async (): Promise<unknown> => server.run(`SELECT pg_terminate_backend(${await holder()})`);
    const before = await holder();
    await cut();
    // It comes back by itself: until then the database is free.
    for (let now = await holder(); now === null || now === before;) now = await holder();
    expect(await holdPostgres({ url }, 'alone', never)).toBeNull();
    await cut();
    let other = await holdPostgres({ url }, 'alone', never);
    while (other === null) other = await holdPostgres({ url }, 'alone', never);
    await taken.promise;
    await other.release();
    await first?.release();
  });
});
