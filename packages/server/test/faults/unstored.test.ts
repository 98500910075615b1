import { afterEach, expect, it } from 'vitest';
import type { BareClient } from '../wire/scene/bare-client.ts';
import { loginToken } from '../wire/scene/login-token.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { holdDatabase } from './held-database.ts';

let scene: Scene;
afterEach(() => scene.close());

/** Questions and answers in which an acknowledgement that was not waited for would long have come. */
const ROUND_TRIPS = 50;

async function exchange(clients: readonly BareClient[]): Promise<void> {
  for (let i = 0; i < ROUND_TRIPS; i++) for (const client of clients) await client.settle();
}

it('[LOG4] [MSG5] while the database is locked nothing is acknowledged, and a kill then costs nothing that was', async () => {
  scene = await openScene({ CARILLON_LIMITS_MESSAGE_BURST: '10000' });
  await scene.follow(['ann', 'ben']);
  const ann = await scene.logIn('ann');
  const ben = await scene.logIn('ben', { device: 'phone' });
  const away = await scene.logIn('cai');
  ben.send({ t: 'statusUpdate', a: 'stored', i: 1 });
  await ben.waitFor('ok', ({ i }) => i === 1);
  away.drop();
  await away.closed;
  ben.take();

  const letGo = holdDatabase(scene.databasePath);
  ben.send({ t: 'statusUpdate', a: 'not stored', i: 2 });
  // A session of a device that is there already: nothing but the session itself has to be stored.
  const fresh = await scene.connect();
  fresh.send({ t: 'login', username: 'ben', token: await loginToken('ben'), device: 'phone' });
  const resuming = await scene.connect();
  resuming.send({ t: 'login', username: 'cai', token: await loginToken('cai'), resume: away.resumeToken });
  // Followers do not wait for the disk.
  await ann.waitFor('the change', ({ a }) => a === 'not stored');
  await exchange([ben, fresh, resuming]);
  expect(ben.take(), 'one change in flight').toEqual([]);
  expect(fresh.take(), 'one login in flight').toEqual([]);
  expect(resuming.take(), 'one resume in flight').toEqual([]);
  await scene.stop('SIGKILL');
  letGo();

  await scene.restart();
  const back = await scene.connect();
  expect((await back.logIn('ben', { resume: ben.resumeToken })).token['resumed']).toBe(true);
  // The resume was not answered, so what it presented is still good.
  const caiBack = await scene.connect();
  expect((await caiBack.logIn('cai', { resume: away.resumeToken })).token['resumed']).toBe(true);
  expect((await scene.server.api('GET', '/v1/users/ben/presence')).body).toMatchObject({ a: 'stored' });
});
