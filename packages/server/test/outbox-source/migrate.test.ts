import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BARE_ENV } from '../servers/bare-env.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres-server.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

async function carillon(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=carillon-source', MAIN, ...args], {
    env: { ...BARE_ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

describe('carillon migrate', () => {
  it('--outbox makes the table in the app’s Postgres, and says so; again, it says that it is there', async () => {
    const url = await server.createDatabase();
    const where = `carillon_outbox in postgres://127.0.0.1:${server.port}${new URL(url).pathname}`;
    const env = { CARILLON_OUTBOX_URL: url };
    expect(await carillon(['migrate', '--outbox'], env)).toEqual({
      code: 0,
      stdout: `made ${where}\n`,
      stderr: '',
    });
    expect(await carillon(['migrate', '--outbox'], env)).toEqual({
      code: 0,
      stdout: `${where} is there\n`,
      stderr: '',
    });
  });

  it('--print-outbox prints SQL that makes the same, and needs no database', async () => {
    const { code, stdout, stderr } = await carillon(['migrate', '--print-outbox'], {
      CARILLON_FEEDS_OUTBOX_TABLE: 'app.events',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const client = new pg.Client({ connectionString: await server.createDatabase() });
    await client.connect();
    await client.query('CREATE SCHEMA app');
    await client.query(stdout);
    await client.query(`INSERT INTO app.events (topic) VALUES ('t')`);
    await client.end();
  });

  it('--outbox without an address, or with one that cannot be used, says so in one line, without the password', async () => {
    expect(await carillon(['migrate', '--outbox'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'carillon: CARILLON_OUTBOX_URL is not set: it names the Postgres of the app\n',
    });
    const url = new URL(server.url);
    url.password = 'hush';
    const { code, stderr } = await carillon(['migrate', '--outbox'], { CARILLON_OUTBOX_URL: url.href });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^carillon: CARILLON_OUTBOX_URL: carillon_outbox in postgres:\/\/127\.0\.0\.1:\d+\/postgres: .*password authentication failed.*\n$/,
    );
    expect(stderr).not.toContain('hush');
  });
});
