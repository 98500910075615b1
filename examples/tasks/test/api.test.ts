import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, type Ask, asUser, type Program, SECRET, startBackend, tokenOf } from './backend-process.ts';
import { readSettings } from '../src/settings.ts';
import { postgresDatabase, sqliteDatabase, type TestDatabase } from './databases.ts';

const error = (code: string): object => ({ error: { code, message: expect.any(String) } });

describe.each([
  ['SQLite', sqliteDatabase],
  ['Postgres', postgresDatabase],
])('the tasks of a user, on %s', (_name, open) => {
  let database: TestDatabase;
  let backend: Program;
  let alice: Ask;
  let bob: Ask;
  beforeAll(async () => {
    database = await open();
    // Nobody listens there: what is published waits, and holds up nothing.
    backend = await startBackend({ ...database.env, CARILLON_URL: 'http://127.0.0.1:9' });
    alice = await asUser(backend, 'alice');
    bob = await asUser(backend, 'bob');
  });
  afterAll(async () => {
    expect(await backend?.stop()).toBe(0);
    await database?.remove();
  });

  it('are created, changed, completed and deleted, each time with a higher version', async () => {
    const id = randomUUID();
    const fields = { title: '  Oil the clapper ', due: '2026-12-01', priority: 'high' };
    expect(await alice('POST', '/tasks', { id, ...fields })).toMatchObject({
      status: 201,
      body: {
        task: { id, title: 'Oil the clapper', due: '2026-12-01', priority: 'high', done: false, version: 1 },
      },
    });
    expect(await alice('PATCH', `/tasks/${id}`, { title: 'Oil both clappers', version: 1 })).toMatchObject({
      status: 200,
      body: { task: { title: 'Oil both clappers', due: '2026-12-01', version: 2 } },
    });
    expect(await alice('PATCH', `/tasks/${id}`, { done: true, due: null })).toMatchObject({
      status: 200,
      body: { task: { title: 'Oil both clappers', due: null, done: true, version: 3 } },
    });
    expect((await alice('GET', '/tasks')).body['tasks']).toMatchObject([{ id, version: 3 }]);
    expect(await alice('DELETE', `/tasks/${id}`)).toMatchObject({ status: 200, body: { id, version: 4 } });
    expect((await alice('GET', '/tasks')).body).toEqual({ tasks: [] });
  });

  it('are theirs alone: to anybody else there are none', async () => {
    const id = randomUUID();
    await alice('POST', '/tasks', { id, title: 'A secret' });
    expect((await bob('GET', '/tasks')).body).toEqual({ tasks: [] });
    for (const [method, body] of [['PATCH', { done: true }], ['DELETE']] as const)
      expect(await bob(method, `/tasks/${id}`, body)).toMatchObject({
        status: 404,
        body: error('task_unknown'),
      });
    // The same id is another task of another user.
    expect((await bob('POST', '/tasks', { id, title: 'My own' })).status).toBe(201);
    await bob('DELETE', `/tasks/${id}`);
    expect((await alice('DELETE', `/tasks/${id}`)).status).toBe(200);
  });

  it('are not changed on a version that is not theirs any more; the answer says which is', async () => {
    const id = randomUUID();
    await alice('POST', '/tasks', { id, title: 'Tune' });
    await alice('PATCH', `/tasks/${id}`, { title: 'Tune the tenor', version: 1 });
    for (const [method, body] of [
      ['PATCH', { title: 'Tune the treble', version: 1 }],
      ['DELETE', { version: 1 }],
    ] as const) {
      const refused = await alice(method, `/tasks/${id}`, body);
      expect(refused).toMatchObject({ status: 409, body: error('version_conflict') });
      expect(refused.body).toMatchObject({ error: { task: { title: 'Tune the tenor', version: 2 } } });
    }
    const again = { id, title: 'Again' };
    expect(await alice('POST', '/tasks', again)).toMatchObject({ status: 409, body: error('task_exists') });
    await alice('DELETE', `/tasks/${id}`);
    expect(await alice('POST', '/tasks', again)).toMatchObject({ status: 410, body: error('task_deleted') });
    expect(await alice('PATCH', `/tasks/${id}`, { done: true })).toMatchObject({
      status: 410,
      body: error('task_deleted'),
    });
    // Two devices that delete the same wanted the same; each waits for an event.
    expect(await alice('DELETE', `/tasks/${id}`)).toMatchObject({ status: 200, body: { id, version: 4 } });
  });

  it('are changed once under one Idempotency-Key, and answered the same again, refusals too', async () => {
    const id = randomUUID();
    const key = { 'idempotency-key': randomUUID() };
    const first = await alice('POST', '/tasks', { id, title: 'Once' }, key);
    expect(first.status).toBe(201);
    expect(await alice('POST', '/tasks', { id, title: 'Once' }, key)).toEqual(first);
    // Another user's key is another key.
    expect((await bob('POST', '/tasks', { id, title: 'Once' }, key)).status).toBe(201);
    for (const [method, path] of [
      ['POST', '/tasks'],
      ['PATCH', `/tasks/${id}`],
    ] as const)
      expect(await alice(method, path, { title: 'Twice' }, key)).toMatchObject({
        status: 422,
        body: error('key_reused'),
      });

    const late = { 'idempotency-key': randomUUID() };
    const refused = await alice('PATCH', '/tasks/later', { done: true }, late);
    expect(refused).toMatchObject({ status: 404, body: error('task_unknown') });
    await alice('POST', '/tasks', { id: 'later', title: 'Later' });
    expect(await alice('PATCH', '/tasks/later', { done: true }, late)).toEqual(refused);
    const rows = await database.query(`SELECT 1 FROM audit WHERE mutation = '${key['idempotency-key']}'`);
    expect(rows).toHaveLength(2);
    for (const each of [id, 'later']) await alice('DELETE', `/tasks/${each}`);
  });

  it('are changed once by twenty requests with one key at once', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => alice('POST', '/tasks', { title: 'One of twenty' }, key)),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    const { tasks } = (await alice('GET', '/tasks')).body as { tasks: { id: string }[] };
    expect(tasks).toHaveLength(1);
    await alice('DELETE', `/tasks/${tasks[0]!.id}`);
  });

  it.each<[string, unknown, number, string]>([
    ['an empty title', { title: '   ' }, 422, 'task_invalid'],
    ['a title of 201 characters', { title: 'x'.repeat(201) }, 422, 'task_invalid'],
    ['no title', {}, 422, 'task_invalid'],
    ['a title that is no text', { title: ['a'] }, 422, 'task_invalid'],
    ['a day that is none', { title: 'a', due: '2026-02-30' }, 422, 'task_invalid'],
    ['a priority that is none', { title: 'a', priority: 'urgent' }, 422, 'task_invalid'],
    ['an id with a slash', { title: 'a', id: 'a/b' }, 422, 'task_invalid'],
    ['a field that is none', { title: 'a', owner: 'bob' }, 422, 'task_invalid'],
    ['a list', [], 422, 'task_invalid'],
    ['no JSON', '{"title":', 400, 'json_invalid'],
    ['a NUL', '{"title":"a\\u0000b"}', 422, 'task_invalid'],
    ['half a character', '{"title":"\\ud800"}', 422, 'task_invalid'],
    ['16 KiB and one byte', '{"title":"a"}'.padEnd(16_385), 413, 'too_large'],
  ])('are not made of %s', async (_what, body, status, code) => {
    expect(await alice('POST', '/tasks', body)).toMatchObject({ status, body: error(code) });
    expect((await alice('GET', '/tasks')).body).toEqual({ tasks: [] });
  });

  it('may have titles of 200 characters, in 16 KiB', async () => {
    const id = randomUUID();
    const body = JSON.stringify({ id, title: 'x'.repeat(200) });
    expect((await alice('POST', '/tasks', body.padEnd(16_384))).status).toBe(201);
    await alice('DELETE', `/tasks/${id}`);
  });

  it('are not asked for by other types than JSON, keys that are none, paths and methods that there are not', async () => {
    const sent = { title: 'a' };
    expect(await alice('POST', '/tasks', sent, { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: error('not_json'),
    });
    for (const key of ['', 'x'.repeat(129), 'with space'])
      expect(await alice('POST', '/tasks', sent, { 'idempotency-key': key })).toMatchObject({
        status: 400,
        body: error('key_invalid'),
      });
    expect(await alice('PATCH', '/tasks/a', {})).toMatchObject({ status: 422, body: error('task_invalid') });
    expect(await alice('PATCH', '/tasks/a%2Fb', { done: true })).toMatchObject({
      status: 404,
      body: error('task_unknown'),
    });
    expect(await alice('PUT', '/tasks', sent)).toMatchObject({
      status: 405,
      body: error('method_not_allowed'),
    });
    expect(await alice('GET', '/users')).toMatchObject({ status: 404, body: error('not_found') });
  });

  it('are shown to nobody without a login token that is good', async () => {
    const bad: readonly [string | undefined, string][] = [
      [undefined, 'token_missing'],
      ['Basic YWxpY2U6', 'token_missing'],
      ['Bearer nonsense', 'token_invalid'],
      [`Bearer ${await tokenOf('alice', { secret: `${SECRET}!` })}`, 'token_invalid'],
      [`Bearer ${await tokenOf('alice', { expires: '1s ago' })}`, 'token_expired'],
      [`Bearer ${await tokenOf('')}`, 'token_invalid'],
      [`Bearer ${await tokenOf('alice', { claims: { aud: 'carillon:grant' } })}`, 'token_invalid'],
    ];
    for (const [authorization, code] of bad)
      expect(await alice('GET', '/tasks', undefined, { authorization })).toMatchObject({
        status: 401,
        body: error(code),
      });
    expect((await fetch(`${backend.url}/health`)).status).toBe(200);
    expect(backend.stderr()).not.toContain('eyJ');
  });
});

describe('the settings', () => {
  const good = { CARILLON_JWT_SECRET: SECRET, CARILLON_API_KEY: API_KEY };

  it.each([
    [{ CARILLON_JWT_SECRET: '' }, 'CARILLON_JWT_SECRET is missing'],
    [{ CARILLON_JWT_SECRET: 'short-and-secret' }, 'CARILLON_JWT_SECRET needs at least 32 bytes'],
    [{ CARILLON_API_KEY: '' }, 'CARILLON_API_KEY is missing'],
    [{ TASKS_PUBLISH: 'pigeon' }, 'TASKS_PUBLISH: there is no way “pigeon”'],
    [{ TASKS_PUBLISH: 'kafka' }, 'KAFKA_BROKERS is missing'],
    [{ TASKS_PORT: '80000' }, 'TASKS_PORT is no port'],
    [{ TASKS_DATABASE_URL: 'mysql://x' }, 'TASKS_DATABASE_URL is neither'],
  ])('that are wrong are named, and never told: %j', (env, line) => {
    expect(() => readSettings({ ...good, ...env })).toThrow(line);
    expect(() => readSettings({ ...good, ...env })).not.toThrow('short-and-secret');
  });

  it('that are wrong stop the start with one line', async () => {
    expect(await startBackend({ TASKS_PORT: '80000' }).catch(String)).toMatch(
      /did not start: tasks: settings: TASKS_PORT is no port\n$/,
    );
  });
});
