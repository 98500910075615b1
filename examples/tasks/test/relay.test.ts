import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { API_KEY, asUser, type Program, SECRET, startBackend, startProgram } from './backend-process.ts';
import { postgresDatabase, sqliteDatabase, type TestDatabase } from './databases.ts';

const CONFIG = fileURLToPath(new URL('../carillon.config.ts', import.meta.url));

/** The command beside the library's own manifest, as npm would link it. */
const CARILLON = join(
  createRequire(import.meta.url).resolve('@carillon/server/package.json'),
  '../src/cli/main.ts',
);

const USERS = ['alice', 'auth0|bob', 'c:a/r{o}l'] as const;

/** A process that is killed and started again on its port; who asks it meanwhile waits for it. */
type Phoenix = Asked & { kill9(): Promise<void> };

/** What is asked: where it is, and when it is there again. */
type Asked = { readonly url: string; readonly up: () => Promise<unknown> };

async function phoenix(start: (port: string) => Promise<Program>): Promise<Phoenix> {
  let program = await start('0');
  const { url } = program;
  const { port } = new URL(url);
  let up: Promise<unknown> = Promise.resolve();
  return {
    url,
    up: () => up,
    async kill9() {
      up = program.kill9().then(async () => {
        program = await start(port);
      });
      await up;
    },
  };
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-relay-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function serveCarillon(port: string, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  return startProgram(
    [CARILLON, 'serve', '--config', CONFIG, '--port', port],
    {
      CARILLON_JWT_SECRET: SECRET,
      CARILLON_API_KEY: API_KEY,
      CARILLON_DATABASE_URL: `sqlite:${join(folder, 'carillon.sqlite')}`,
      ...env,
    },
    /"url":"([^"]+)","msg":"listening"/,
  );
}

/** What Carillon holds for a user: the entries by key, and how many publications there ever were. */
async function held(url: string, user: string) {
  const channel = encodeURIComponent(`tasks:${encodeURIComponent(user)}`);
  const response = await fetch(`${url}/v1/channels/${channel}/entries?limit=1000`, {
    headers: { authorization: `Bearer ${API_KEY}` },
  });
  const { top, entries } = (await response.json()) as {
    readonly top: { readonly offset: number };
    readonly entries: readonly { readonly key: string; readonly data: { readonly version: number } }[];
  };
  return { publications: top.offset, tasks: entries.map(({ data }) => data) };
}

/** A change, and what it was answered. */
type Made = {
  readonly user: string;
  readonly request: readonly [method: string, path: string, body: object];
  readonly key: { readonly 'idempotency-key': string };
  readonly text: string;
};

/** Tasks that each user makes, and the changes of them. */
const TASKS = 9;
const CHANGES = 4 * TASKS;

/** Changes of a user's, of every kind, each sent until it is answered. */
async function change(backend: Asked, user: string): Promise<readonly Made[]> {
  const ask = await asUser(backend, user);
  const made: Made[] = [];
  for (let at = 0; at < TASKS; at++) {
    const id = `task-${at}`;
    const path = `/tasks/${id}`;
    const requests: Made['request'][] = [
      ['POST', '/tasks', { id, title: `${at}` }],
      ['PATCH', path, { done: true }],
      ['PATCH', path, { done: false }],
      at % 3 === 0 ? ['DELETE', path, {}] : ['PATCH', path, { title: 'named' }],
    ];
    for (const request of requests) {
      const key = { 'idempotency-key': randomUUID() };
      const { status, text } = await insist(backend, () => ask(...request, key));
      expect(status).toBe(request[0] === 'POST' ? 201 : 200);
      made.push({ user, request, key, text });
    }
  }
  return made;
}

/** Asks until it is answered: of what was killed under it, whether it was carried out, the answer to the same key says. */
async function insist<T>(backend: Asked, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch {
      await backend.up();
    }
  }
}

/** Sends everything that was answered once more, under its own key: the answer is the same to the byte. */
async function expectSameAnswers(backend: Asked, made: readonly Made[]): Promise<void> {
  for (const user of USERS) {
    const ask = await asUser(backend, user);
    const mine = made.filter((each) => each.user === user);
    const again = await Promise.all(mine.map(({ request, key }) => ask(...request, key)));
    expect(again.map(({ text }) => text)).toEqual(mine.map(({ text }) => text));
  }
}

async function count(database: TestDatabase, what: string): Promise<number> {
  const [row] = await database.query(`SELECT count(*) AS n FROM ${what}`);
  return Number(row?.['n']);
}

async function expectTruth(
  backend: Pick<Program, 'url'>,
  carillon: Phoenix,
  database: TestDatabase,
): Promise<void> {
  await expect
    .poll(() => count(database, 'outbox WHERE published_at_ms IS NULL'), { timeout: 60_000, interval: 20 })
    .toBe(0);
  for (const user of USERS) {
    const ask = await asUser(backend, user);
    const { tasks } = (await ask('GET', '/tasks')).body as { readonly tasks: readonly { id: string }[] };
    const there = await held(carillon.url, user);
    expect(tasks).toHaveLength((TASKS * 2) / 3);
    expect(there.tasks).toEqual(tasks.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
    // Each change became one publication: none was lost, and none repeated.
    expect(there.publications).toBe(await count(database, `audit WHERE "user" = '${user}'`));
  }
  expect(await count(database, 'audit')).toBe(USERS.length * CHANGES);
  expect(await count(database, 'outbox WHERE refused IS NOT NULL')).toBe(0);
}

describe('the relay, over POST /v1/events', () => {
  it('publishes each change once and in order, though backend and server are killed, all of it is asked for again, and published twice', async () => {
    const database = await sqliteDatabase();
    const carillon = await phoenix((port) => serveCarillon(port));
    const backend = await phoenix((port) =>
      startBackend({ ...database.env, TASKS_PORT: port, CARILLON_URL: carillon.url }),
    );
    const changing = Promise.all(USERS.map((user) => change(backend, user)));
    for (const at of [20, 60]) {
      await expect.poll(() => count(database, 'audit'), { timeout: 60_000, interval: 5 }).toBeGreaterThan(at);
      await Promise.all([backend.kill9(), ...(at === 20 ? [carillon.kill9()] : [])]);
    }
    const made = (await changing).flat();
    await backend.kill9();
    await expectSameAnswers(backend, made);
    await expectTruth(backend, carillon, database);

    // As when it is killed behind each publication, before it has noted it.
    await database.query('UPDATE outbox SET published_at_ms = NULL');
    await expectTruth(backend, carillon, database);
    await database.remove();
  }, 120_000);

  it('goes on in another process of the backend where the one that published is killed, on Postgres', async () => {
    const database = await postgresDatabase();
    const carillon = await phoenix((port) => serveCarillon(port));
    const env = { ...database.env, CARILLON_URL: carillon.url };
    const [first, second] = await Promise.all([startBackend(env), startBackend(env)]);
    const killed = change({ url: second.url, up: () => Promise.resolve() }, 'alice');
    await first.kill9();
    await killed;
    await Promise.all(
      USERS.slice(1).map((user) => change({ url: second.url, up: () => Promise.resolve() }, user)),
    );
    await expectTruth(second, carillon, database);
    await database.remove();
  }, 120_000);
});

describe("Carillon's outbox table in the backend's own Postgres", () => {
  it('takes an event in the transaction of its change, and it arrives without a relay', async () => {
    const database = await postgresDatabase();
    const url = database.env['TASKS_DATABASE_URL'] ?? '';
    const env = { CARILLON_OUTBOX_URL: url, CARILLON_JWT_SECRET: SECRET };
    await promisify(execFile)(
      process.execPath,
      ['--conditions=carillon-source', CARILLON, 'migrate', '--outbox', '--config', CONFIG],
      { env: { ...env, CARILLON_DATABASE_URL: `sqlite:${join(folder, 'carillon.sqlite')}` } },
    );
    const carillon = await serveCarillon('0', env);
    const backend = await startBackend({ ...database.env, TASKS_PUBLISH: 'outbox' });
    const ask = await asUser(backend, 'alice');
    await ask('POST', '/tasks', { id: 'bell', title: 'Oil the clapper' });
    await ask('PATCH', '/tasks/bell', { done: true });
    await ask('PATCH', '/tasks/none', { done: true });
    await expect
      .poll(async () => (await held(carillon.url, 'alice')).publications, { timeout: 20_000, interval: 20 })
      .toBe(2);
    expect((await held(carillon.url, 'alice')).tasks).toMatchObject([{ id: 'bell', done: true, version: 2 }]);
    await carillon.kill9();
    await database.remove();
  }, 60_000);
});
