import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { loginToken } from './scene/login-token.ts';
import { refusal, refusedWith } from './scene/refusal.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
let bystanders: Bystanders;
beforeAll(async () => {
  scene = await openScene();
  bystanders = await openBystanders(scene);
});
afterEach(() => bystanders.untouched());
afterAll(() => scene.close());

let lastUser = 0;

/** Somebody new: sessions in their grace count against a user's limit. */
function mallory(): string {
  return `mallory${++lastUser}`;
}

describe('[LIM4] user ids', () => {
  const CONTROLS = ['\u0000', '\n', '\u007f', '\u0085', '\u001b'];
  it.each(
    CONTROLS.map((control) => [
      `with U+${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
      `mal${control}lory`,
    ]),
  )('%s', async (_title, user) => {
    expect(await refusal(scene, user, await loginToken(user))).toEqual({
      closeCode: 4202,
      messages: refusedWith('user_id_invalid', 'stop'),
    });
    expect(await scene.server.api('PUT', `/v1/users/${encodeURIComponent(user)}`)).toMatchObject({
      status: 400,
      body: { error: { code: 'user_id_invalid' } },
    });
    expect(
      await scene.server.api('PUT', `/v1/users/watched/follows/${encodeURIComponent(user)}`),
    ).toMatchObject({ status: 400, body: { error: { code: 'user_id_invalid' } } });
  });

  it('with half a surrogate pair', async () => {
    const user = 'mal\ud83elory';
    expect(await refusal(scene, user, await loginToken('mallory'))).toEqual({
      closeCode: 4202,
      messages: refusedWith('user_id_invalid', 'stop'),
    });
  });

  it('of 300 characters, and of 256', async () => {
    for (const length of [300, 256]) {
      const user = 'm'.repeat(length);
      expect(await refusal(scene, user, await loginToken(user))).toEqual({
        closeCode: 4202,
        messages: refusedWith('user_id_invalid', 'stop'),
      });
      expect(await scene.server.api('PUT', `/v1/users/${user}`)).toMatchObject({
        status: 400,
        body: { error: { code: 'user_id_invalid' } },
      });
    }
  });

  it('of 255 characters, and of three bytes each', async () => {
    const user = 'ü€'.repeat(127) + 'm';
    await scene.follow(['a fan', user]);
    const fan = await scene.logIn('a fan');
    await scene.logIn(user);
    expect(await fan.waitFor('o', ({ t }) => t === 'o')).toEqual({ t: 'o', id: user, s: 'Online' });
  });

  it.each([
    ['{a}', 'a'],
    ['a}', 'a'],
    ['{user}', 'user'],
    ['a:b', 'a'],
    ['auth0|1', 'auth0'],
    ['..', '.'],
    ['a/b', 'a%2Fb'],
    ['%7Ba%7D', '{a} '],
    ['Ann', 'ann'],
    ['e\u0301', '\u00e9'],
    ['__proto__', 'constructor'],
  ])('%j and %j are different people', async (one, other) => {
    const fan = mallory();
    // Over HTTP and over the import, for their ids take different ways in.
    await scene.follow([fan, one], [fan, other]);
    expect(await scene.server.api('DELETE', `/v1/users/${fan}/follows/${encodeURIComponent(other)}`)).toEqual(
      { status: 200, body: { changed: true } },
    );
    expect(await scene.server.api('GET', `/v1/users/${fan}/follows`)).toEqual({
      status: 200,
      body: { follows: [one] },
    });
    const viewer = await scene.logIn(fan);
    const theOne = await scene.logIn(one);
    const theOther = await scene.logIn(other);
    theOther.send({ t: 'statusUpdate', a: 'the other' });
    await theOther.settle();
    theOne.send({ t: 'statusUpdate', a: 'the one' });
    await viewer.waitFor('u', ({ t }) => t === 'u');
    expect(viewer.take()).toEqual([
      { t: 'o', id: one, s: 'Online' },
      { t: 'u', id: one, a: 'the one' },
    ]);
    for (const client of [theOne, theOther]) {
      client.send('{"t":"logout"}');
      await client.closed;
    }
  });
});

describe('edges that cannot be', () => {
  it('following oneself', async () => {
    await scene.logIn('narcissus');
    for (const kind of ['follows', 'blocks']) {
      expect(await scene.server.api('PUT', `/v1/users/narcissus/${kind}/narcissus`)).toMatchObject({
        status: 400,
        body: { error: { code: 'self_follow' } },
      });
    }
    expect(await scene.server.api('POST', '/v1/import', 'narcissus,narcissus\n')).toMatchObject({
      status: 400,
      body: { error: { code: 'self_follow' } },
    });
    expect((await scene.server.api('GET', '/v1/users/narcissus/follows')).body).toEqual({ follows: [] });
  });

  it('following a person unknown to the directory', async () => {
    await scene.logIn('echo');
    for (const kind of ['follows', 'blocks']) {
      expect(await scene.server.api('PUT', `/v1/users/echo/${kind}/nobody`)).toMatchObject({
        status: 404,
        body: { error: { code: 'user_unknown' } },
      });
    }
    expect((await scene.server.api('GET', '/v1/users/echo/follows')).body).toEqual({ follows: [] });
    expect(await scene.server.api('GET', '/v1/users/nobody/presence')).toMatchObject({ status: 404 });
  });
});
