import { afterAll, beforeAll, expect, it } from 'vitest';
import { loginToken, LOGIN_SECRET, signed } from './scene/login-token.ts';
import { numbers } from './scene/numbers.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({ CARILLON_LIMITS_MESSAGE_BURST: '100000' });
});
afterAll(() => scene.close());

const ROUNDS = 60;

it('[RES1] [RES3] of several connections that resume one session at once, one has it in the end, and friends see nothing', async () => {
  await scene.follow(['friend', 'racer']);
  const friend = await scene.logIn('friend');
  const first = await scene.logIn('racer', { s: 'Busy' });
  await friend.waitFor('o of racer', ({ t }) => t === 'o');
  friend.take();
  const jwt = await loginToken('racer');
  const below = numbers(3);
  let holder = first;

  for (let round = 0; round < ROUNDS; round++) {
    const resume = holder.resumeToken;
    const connections = await Promise.all(Array.from({ length: 2 + below(3) }, () => scene.connect()));
    // In the same turn, or with an answer between them; sometimes while the one before is still there.
    if (below(2) === 0) holder.drop();
    for (const connection of connections) {
      connection.send({ t: 'login', username: 'racer', token: jwt, resume });
      if (below(3) === 0) await friend.settle();
    }
    await Promise.all(
      connections.map((connection) =>
        Promise.race([
          connection.closed,
          connection.waitFor('sync', ({ t }) => t === 'sync').catch(() => null),
        ]),
      ),
    );
    // Whoever was replaced hears of it; whoever was too late to resume has a session of their own, which they end.
    for (const connection of connections)
      if (connection.closedWith === null) await connection.settle().catch(() => undefined);
    const live = connections.filter(({ closedWith }) => closedWith === null);
    const resumed = live.filter(({ received }) =>
      received.some(({ t, resumed: yes }) => t === 'token' && yes === true),
    );
    expect(
      resumed.length,
      `round ${round}: ${JSON.stringify(connections.map(({ closedWith, received }) => [closedWith, received.map(({ t }) => t)]))}`,
    ).toBe(1);
    for (const other of live.filter((connection) => connection !== resumed[0])) {
      other.send('{"t":"logout"}');
      await other.closed;
    }
    for (const { closedWith } of connections) expect([undefined, 4204, 4205]).toContain(closedWith?.code);
    holder = resumed[0]!;
    holder.take();
  }
  holder.send({ t: 'statusUpdate', a: 'still one', i: 1 });
  expect(await holder.waitFor('ok', ({ t }) => t === 'ok')).toEqual({ t: 'ok', i: 1 });
  await friend.settle();
  expect(friend.take()).toEqual([{ t: 'u', id: 'racer', a: 'still one' }]);
  expect((await scene.server.api('GET', '/v1/users/racer/export')).body).toMatchObject({ sessions: 1 });
});

it('[LOG6] a login token that runs out ends the connection with its code, and a new one resumes the session unseen', async () => {
  await scene.follow(['onlooker', 'brief']);
  const onlooker = await scene.logIn('onlooker');
  const brief = await scene.connect();
  const exp = Math.floor(Date.now() / 1000) + 2;
  const { token } = await brief.logIn('brief', { token: await signed({ sub: 'brief', exp }, LOGIN_SECRET) });
  expect(token['exp']).toBe(exp * 1000);
  await onlooker.waitFor('o of brief', ({ t }) => t === 'o');
  onlooker.take();
  brief.take();
  expect(await brief.closed).toMatchObject({ code: 4100 });
  expect(brief.take()).toEqual([
    { t: 'bye', code: 'token_expired', advice: 'reconnect', m: expect.any(String) },
  ]);
  const back = await scene.connect();
  expect((await back.logIn('brief', { resume: brief.resumeToken })).token['resumed']).toBe(true);
  await onlooker.settle();
  expect(onlooker.take()).toEqual([]);
});
