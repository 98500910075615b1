import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, expect, it } from 'vitest';
import type { BareClient } from '../wire/scene/bare-client.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { scrape } from '../wire/scene/server-metrics.ts';
import { within } from '../wire/scene/within.ts';
import { expectNothingLeft } from './churn.ts';
import { holdDatabase } from './held-database.ts';

const run = promisify(execFile);

let scene: Scene;
afterEach(() => scene.close());

/**
 * Sets the size that the server's files may have, from outside and while it runs (RLIMIT_FSIZE, util-linux's prlimit).
 * With 0 every write to a file fails, as on a full disk; Node ignores the signal that would come with it. Needs no root.
 */
async function limitFiles(bytes: '0' | 'unlimited'): Promise<void> {
  await run('prlimit', [`--pid=${scene.server.pid}`, `--fsize=${bytes}:`]);
}

/** Requests of a client that were sent and have no answer, now that everything the server has said is here. */
async function inFlight(client: BareClient, requests: readonly number[]): Promise<readonly number[]> {
  await client.settle();
  const answered = new Set(client.received.map(({ i }) => i));
  return requests.filter((i) => !answered.has(i));
}

it('[LOG3] a database that cannot be written refuses logins and nothing else, and the server comes back by itself', async () => {
  scene = await openScene();
  await scene.follow(['ann', 'ben'], ['ann', 'cai'], ['ben', 'ann']);
  const ann = await scene.logIn('ann');
  const ben = await scene.logIn('ben');
  const cai = await scene.logIn('cai');
  await ann.waitFor('o of cai', ({ t, id }) => t === 'o' && id === 'cai');
  ann.take();
  expect(await scene.server.api('GET', '/ready')).toMatchObject({ status: 200 });

  // Changes on their way when the disk fills up: none is left without a word, none acknowledged that was not kept.
  const changes = Array.from({ length: 40 }, (_, k) => k + 1);
  const letGo = holdDatabase(scene.databasePath);
  for (const i of changes) cai.send({ t: 'statusUpdate', a: `change ${i}`, i });
  await ann.waitFor('the last change', ({ a }) => a === 'change 40');
  expect(await inFlight(cai, changes), 'changes in flight when the disk filled up').toHaveLength(40);
  await limitFiles('0');
  letGo();
  cai.send({ t: 'statusUpdate', a: 'too late', i: 99 });
  expect(await cai.waitFor('the answer to the last change', ({ i }) => i === 99)).toEqual({
    t: 'err',
    code: 'unavailable',
    m: expect.any(String),
    i: 99,
    retryAfterMs: expect.any(Number),
  });
  const answers = cai.take().filter(({ i }) => i !== undefined);
  expect(answers.map(({ i }) => i as number).toSorted((a, b) => a - b)).toEqual([...changes, 99]);
  expect(new Set(answers.map(({ t, code }) => `${t} ${String(code)}`))).toEqual(new Set(['err unavailable']));

  // Nobody new, and it is said when to come again; nobody is told that their token were wrong.
  for (const extra of [{}, { resume: cai.resumeToken }]) {
    const client = await scene.connect();
    const failing = client.logIn('cai', extra).catch(() => null);
    expect(await client.closed).toMatchObject({ code: 4103 });
    await failing;
    expect(client.take()).toEqual([
      { t: 'err', code: 'unavailable', m: expect.any(String), retryAfterMs: expect.any(Number) },
      {
        t: 'bye',
        code: 'unavailable',
        advice: 'reconnect',
        afterMs: expect.any(Number),
        m: expect.any(String),
      },
    ]);
  }
  expect(await scene.server.api('GET', '/ready')).toEqual({
    status: 503,
    body: { ready: false, reason: 'the database cannot be written' },
  });
  expect(await scene.server.api('GET', '/health')).toMatchObject({ status: 200 });
  expect(await scene.server.api('PUT', '/v1/users/ben/follows/cai')).toMatchObject({
    status: 503,
    body: { error: { code: 'unavailable' } },
  });

  // Who is there stays, and goes on seeing and being seen.
  for (const client of [ann, ben]) await client.settle();
  ann.take();
  ben.send({ t: 'statusUpdate', a: 'meanwhile' });
  await ann.waitFor('the change of ben', ({ t, id, a }) => t === 'u' && id === 'ben' && a === 'meanwhile');
  expect(ben.closedWith).toBeNull();
  // A line that drops now is a drop like any other.
  ben.drop();
  await ben.closed;
  await ann.settle();

  await limitFiles('unlimited');
  const ready = async (): Promise<void> => {
    while ((await scene.server.api('GET', '/ready')).status !== 200);
  };
  await within(ready(), 'the server is ready again');
  const back = await scene.connect();
  expect((await back.logIn('ben', { resume: ben.resumeToken })).token['resumed']).toBe(true);
  await ann.settle();
  expect(ann.take().filter(({ t }) => t === 'o' || t === 'x')).toEqual([]);
  expect((await scene.server.api('PUT', '/v1/users/ben/follows/cai')).status).toBe(200);
  back.send({ t: 'statusUpdate', a: 'kept again', i: 7 });
  expect(await back.waitFor('the answer', ({ i }) => i === 7)).toEqual({ t: 'ok', i: 7 });

  // What was acknowledged since is on the disk: a kill and a restart bring it back.
  await scene.stop('SIGKILL');
  const database = new BetterSqlite3(scene.databasePath);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
  await scene.restart();
  const annBack = await scene.connect();
  const { token, sync } = await annBack.logIn('ann', { resume: ann.resumeToken });
  expect(token['resumed']).toBe(true);
  expect(sync['users']).toContainEqual({ username: 'ben', s: 'Online', a: 'kept again' });
  const benAgain = await scene.connect();
  expect((await benAgain.logIn('ben', { resume: back.resumeToken })).token['resumed']).toBe(true);
});

it('[RES6] [LOG7] sessions that end while the database cannot be written are gone when it can be again', async () => {
  scene = await openScene({ CARILLON_SESSIONS_GRACE_MS: '300' });
  await scene.follow(['ann', 'ben'], ['ann', 'cai']);
  const ann = await scene.logIn('ann');
  const ben = await scene.logIn('ben');
  const cai = await scene.logIn('cai');
  await ann.waitFor('o of cai', ({ t, id }) => t === 'o' && id === 'cai');
  ann.take();
  // One logs out and one drops, whose grace ends: neither can be stored. The logout was on its way before.
  const letGo = holdDatabase(scene.databasePath);
  cai.send('{"t":"logout","i":1}');
  ben.drop();
  await ben.closed;
  expect(await inFlight(cai, [1]), 'logouts in flight when the disk filled up').toHaveLength(1);
  await limitFiles('0');
  letGo();
  const refusals = async (): Promise<void> => {
    while ((await scrape(scene.server)).value('carillon_warnings_total', '{event="expire_failed"}') < 2);
  };
  await within(refusals(), 'the end of a session was tried twice in vain');
  expect(await cai.waitFor('the answer', ({ i }) => i === 1)).toMatchObject({
    t: 'err',
    code: 'unavailable',
  });

  await limitFiles('unlimited');
  await ann.waitFor('x of ben', ({ t, id }) => t === 'x' && id === 'ben');
  cai.send('{"t":"logout","i":2}');
  expect((await cai.closed).code).toBe(4205);
  await ann.waitFor('x of cai', ({ t, id }) => t === 'x' && id === 'cai');
  ann.send('{"t":"logout"}');
  await ann.closed;
  expect((await scene.server.api('GET', '/ready')).status).toBe(200);
  await expectNothingLeft(scene);
});

it('[RES7] a server whose disk is full still ends in good order, and everyone resumes once there is room', async () => {
  scene = await openScene({ CARILLON_DRAIN_WINDOW_MS: '200' });
  await scene.follow(['ann', 'ben']);
  const ann = await scene.logIn('ann');
  const ben = await scene.logIn('ben', { a: 'stored' });
  await limitFiles('0');
  ben.send({ t: 'statusUpdate', a: 'refused', i: 1 });
  expect(await ben.waitFor('the answer', ({ i }) => i === 1)).toMatchObject({
    t: 'err',
    code: 'unavailable',
  });
  const letGo = holdDatabase(scene.databasePath);
  const changes = [2, 3, 4, 5];
  for (const i of changes) ben.send({ t: 'statusUpdate', a: `in flight ${i}`, i });
  await ann.waitFor('the last change', ({ a }) => a === 'in flight 5');
  expect(await inFlight(ben, changes), 'changes in flight when it was told to end').toHaveLength(4);
  const stopped = scene.stop('SIGTERM');
  await ben.closed;
  letGo();
  expect(await stopped).toEqual({ code: 0, signal: null });
  for (const client of [ann, ben]) {
    expect((await client.closed).code).toBe(4000);
    expect(client.received.at(-1)).toMatchObject({ t: 'bye', code: 'draining' });
  }
  await scene.restart();
  const annBack = await scene.connect();
  const { token, sync } = await annBack.logIn('ann', { resume: ann.resumeToken });
  expect(token['resumed']).toBe(true);
  expect(sync['users']).toEqual([{ username: 'ben', s: 'Online', a: 'stored' }]);
  const benBack = await scene.connect();
  expect((await benBack.logIn('ben', { resume: ben.resumeToken })).token['resumed']).toBe(true);
});
