import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FORGERIES, soonS } from './forgeries.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { LOGIN_SECRET, loginToken, signed } from './scene/login-token.ts';
import { refusal, refusedWith } from './scene/refusal.ts';
import { openScene, type Scene } from './scene/scene.ts';

const ISSUER = 'https://login.example';
const AUDIENCE = 'carillon-tests';
const keyBytes = new TextEncoder().encode(LOGIN_SECRET);

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

describe('[LOG3] a login token that does not do', () => {
  it.each(FORGERIES)('%s', async (_title, token, code, closeCode) => {
    const advice = closeCode < 4200 ? 'reconnect' : 'stop';
    const user = mallory();
    expect(await refusal(scene, user, await token(user))).toEqual({
      closeCode,
      messages: refusedWith(code, advice),
    });
    // Nobody was logged in, and nobody was made.
    expect(await scene.server.api('GET', `/v1/users/${user}/presence`)).toMatchObject({ status: 404 });
  });

  it('a longer one is not even looked at', async () => {
    const client = await scene.connect();
    client.send({ t: 'login', username: mallory(), token: 'x'.repeat(8_193), i: 1 });
    await client.settle();
    expect(client.take()).toMatchObject([{ t: 'err', code: 'bad_message', i: 1 }]);
  });

  it('issuer and audience, where they are configured', async () => {
    const strict = await openScene({ CARILLON_JWT_ISSUER: ISSUER, CARILLON_JWT_AUDIENCE: AUDIENCE });
    try {
      const token = (claims: object): Promise<string> =>
        new SignJWT({ sub: 'mallory', exp: soonS(), ...claims })
          .setProtectedHeader({ alg: 'HS256' })
          .sign(keyBytes);
      for (const claims of [
        {},
        { iss: ISSUER },
        { aud: AUDIENCE },
        { iss: ISSUER, aud: 'another app' },
        { iss: 'https://evil.example', aud: AUDIENCE },
      ]) {
        const outcome = await refusal(strict, 'mallory', await token(claims));
        expect(outcome, JSON.stringify(claims)).toEqual({
          closeCode: 4200,
          messages: refusedWith('token_invalid', 'stop'),
        });
      }
      const client = await strict.connect();
      client.send({
        t: 'login',
        username: 'mallory',
        token: await token({ iss: ISSUER, aud: ['another app', AUDIENCE] }),
      });
      await client.waitFor('sync', ({ t }) => t === 'sync');
    } finally {
      await strict.close();
    }
  });

  it('[LOG5] a refresh with any of them leaves the session as it was', async () => {
    const user = mallory();
    const client = await scene.logIn(user);
    for (const [title, token, code] of FORGERIES.slice(0, 8)) {
      client.take();
      client.send({ t: 'auth', token: await token(user), i: 2 });
      await client.waitFor('an answer', ({ i }) => i === 2);
      expect(client.take(), title).toEqual([{ t: 'err', code, m: expect.any(String), i: 2 }]);
    }
    const exp = soonS();
    client.send({ t: 'auth', token: await signed({ sub: user, exp }, LOGIN_SECRET), i: 3 });
    await client.waitFor('an answer', ({ i }) => i === 3);
    expect(client.take()).toEqual([{ t: 'ok', i: 3, exp: exp * 1000 }]);
  });
});

describe('[RES4] a resume token that does not do', () => {
  it.each([
    ['of another user', (victim: string) => victim],
    ['that nobody was given', () => 'A'.repeat(25)],
    ['that is no token', () => '../../etc/passwd\u0000'],
    ['that is a hash', () => 'f'.repeat(64)],
    ['with something behind it', (victim: string) => `${victim}=`],
  ])('%s', async (_title, resumeToken) => {
    const victim = mallory();
    const victims = await scene.logIn(victim);
    const client = await scene.connect();
    const { token } = await client.logIn(mallory(), { resume: resumeToken(victims.resumeToken), i: 4 });
    expect(token['resumed']).toBe(false);
    // A notice ahead of the answer, which is `token`: it has no request id, and one text for whatever was wrong.
    expect(client.take().slice(0, 2)).toEqual([
      { t: 'err', code: 'resume_failed', m: 'the session cannot go on; a new one was begun' },
      token,
    ]);
    // The one it was taken from noticed nothing, and it still resumes.
    await victims.settle();
    expect(victims.take()).toEqual([]);
    victims.drop();
    const back = await scene.logIn(victim, { resume: victims.resumeToken });
    expect(back.received[0]).toMatchObject({ t: 'token', resumed: true });
  });

  it('[RES2] superseded, once its holder has shown the newer one', async () => {
    const quick = await openScene({ CARILLON_SESSIONS_HEARTBEAT_MS: '100' });
    try {
      const first = await quick.logIn('ann');
      first.drop();
      const second = await quick.connect();
      await second.logIn('ann', { resume: first.resumeToken });
      await second.waitFor('a heartbeat', ({ t }) => t === 'hb');
      // The answer to the heartbeat is on its way ahead of this probe.
      await second.settle();
      second.drop();
      const thief = await quick.connect();
      const { token } = await thief.logIn('ann', { resume: first.resumeToken });
      expect(token['resumed']).toBe(false);
      expect(thief.take()[0]).toMatchObject({ t: 'err', code: 'resume_failed' });
      const back = await quick.logIn('ann', { resume: second.resumeToken });
      expect(back.received[0]).toMatchObject({ t: 'token', resumed: true });
    } finally {
      await quick.close();
    }
  });
});

describe('[VER1] [VER2] versions', () => {
  it('one that is too old is told so, and closed with 4203', async () => {
    const user = mallory();
    expect(await refusal(scene, user, await loginToken(user), { v: 0 })).toEqual({
      closeCode: 4203,
      messages: refusedWith('version_unsupported', 'stop'),
    });
  });

  it("one from the future speaks the server's", async () => {
    const client = await scene.connect();
    expect((await client.logIn(mallory(), { v: 65_535 })).token['v']).toBe(1);
  });
});
