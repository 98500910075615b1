import { generateKeyPairSync } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from './scene/bare-client.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { LOGIN_SECRET, loginToken, signed } from './scene/login-token.ts';
import { openScene, type Scene } from './scene/scene.ts';

const ISSUER = 'https://login.example';
const AUDIENCE = 'carillon-tests';

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

const nowS = (): number => Math.floor(Date.now() / 1000);
const soonS = (): number => nowS() + 600;
const keyBytes = new TextEncoder().encode(LOGIN_SECRET);
const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** Logs in with a token and gives all that the server says until it closes. */
async function refusal(username: string, token: string, extra: object = {}, on: Scene = scene) {
  const client = await on.connect();
  client.send({ t: 'login', username, token, i: 1, ...extra });
  const { code } = await client.closed;
  return { closeCode: code, messages: client.take() };
}

const refusedWith = (code: string, advice: string): Wire[] => [
  { t: 'err', code, m: expect.any(String), i: 1 },
  { t: 'bye', code, advice, m: expect.any(String) },
];

type Forgery = [
  title: string,
  token: (user: string) => Promise<string> | string,
  code: string,
  closeCode: number,
];

const FORGERIES: Forgery[] = [
  ['one that ran out', (user) => signed({ sub: user, exp: nowS() - 1 }, LOGIN_SECRET), 'token_expired', 4100],
  ['one that ran out in 1970', (user) => signed({ sub: user, exp: 1 }, LOGIN_SECRET), 'token_expired', 4100],
  ['one that never runs out', (user) => signed({ sub: user }, LOGIN_SECRET), 'token_invalid', 4200],
  [
    'one that is not yet valid',
    (user) => signed({ sub: user, nbf: nowS() + 300, exp: soonS() }, LOGIN_SECRET),
    'token_invalid',
    4200,
  ],
  ['one without a user', () => signed({ exp: soonS() }, LOGIN_SECRET), 'token_invalid', 4200],
  ['one of another user', () => loginToken('watched'), 'username_mismatch', 4201],
  ['one of a user in other case', (user) => loginToken(user.toUpperCase()), 'username_mismatch', 4201],
  [
    'one signed with another secret',
    (user) => signed({ sub: user, exp: soonS() }, 'another-secret-of-at-least-32-bytes-of-text'),
    'token_invalid',
    4200,
  ],
  [
    'one signed with the empty start of the secret',
    (user) => signed({ sub: user, exp: soonS() }, LOGIN_SECRET.slice(0, 32)),
    'token_invalid',
    4200,
  ],
  [
    'one signed with HS512 and the right secret',
    (user) => signed({ sub: user, exp: soonS() }, LOGIN_SECRET, 'HS512'),
    'token_invalid',
    4200,
  ],
  [
    'an unsecured one (alg none)',
    (user) => new UnsecuredJWT({ sub: user }).setExpirationTime('10m').encode(),
    'token_invalid',
    4200,
  ],
  ['alg none beside a right signature', reheaded({ alg: 'none' }), 'token_invalid', 4200],
  ['alg nOnE', reheaded({ alg: 'nOnE' }), 'token_invalid', 4200],
  ['no alg at all', reheaded({ typ: 'JWT' }), 'token_invalid', 4200],
  [
    'a critical extension that nobody knows',
    reheaded({ alg: 'HS256', crit: ['x'], x: 1 }),
    'token_invalid',
    4200,
  ],
  [
    "one signed with somebody's own RSA key",
    (user) => signedWithOwnKey('RS256', user),
    'token_invalid',
    4200,
  ],
  [
    "one signed with somebody's own Ed25519 key, the key beside it",
    (user) => signedWithOwnKey('EdDSA', user),
    'token_invalid',
    4200,
  ],
  ['one whose payload was changed after signing', repayloaded, 'token_invalid', 4200],
  [
    'one without its signature',
    async (user) => `${(await loginToken(user)).split('.').slice(0, 2).join('.')}.`,
    'token_invalid',
    4200,
  ],
  [
    'one with half its signature',
    async (user) => (await loginToken(user)).slice(0, -20),
    'token_invalid',
    4200,
  ],
  ['one whose parts are four', async (user) => `${await loginToken(user)}.e30`, 'token_invalid', 4200],
  ['words', () => 'let me in', 'token_invalid', 4200],
  ['dots', () => '..', 'token_invalid', 4200],
  ['a NUL and quotes', () => '\u0000"\'--', 'token_invalid', 4200],
  [
    '8,192 characters',
    () => `${'x'.repeat(4_000)}.${'y'.repeat(4_000)}.${'z'.repeat(190)}`,
    'token_invalid',
    4200,
  ],
];

function reheaded(header: object): (user: string) => Promise<string> {
  return async (user) => {
    const [, payload, signature] = (await loginToken(user)).split('.');
    return `${encoded(header)}.${payload}.${signature}`;
  };
}

async function repayloaded(user: string): Promise<string> {
  const [header, , signature] = (await loginToken('somebody else')).split('.');
  return `${header}.${encoded({ sub: user, exp: soonS() })}.${signature}`;
}

function signedWithOwnKey(alg: 'RS256' | 'EdDSA', user: string): Promise<string> {
  const { privateKey, publicKey } =
    alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' }) as { kty: string };
  return new SignJWT({ sub: user, exp: soonS() }).setProtectedHeader({ alg, jwk }).sign(privateKey);
}

describe('[LOG3] a login token that does not do', () => {
  it.each(FORGERIES)('%s', async (_title, token, code, closeCode) => {
    const advice = closeCode < 4200 ? 'reconnect' : 'stop';
    const user = mallory();
    expect(await refusal(user, await token(user))).toEqual({
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
        const outcome = await refusal('mallory', await token(claims), {}, strict);
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

describe('[LIM4] user ids', () => {
  const CONTROLS = ['\u0000', '\n', '\u007f', '\u0085', '\u001b'];
  it.each(
    CONTROLS.map((control) => [
      `with U+${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
      `mal${control}lory`,
    ]),
  )('%s', async (_title, user) => {
    expect(await refusal(user, await loginToken(user))).toEqual({
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
    expect(await refusal(user, await loginToken('mallory'))).toEqual({
      closeCode: 4202,
      messages: refusedWith('user_id_invalid', 'stop'),
    });
  });

  it('of 300 characters, and of 256', async () => {
    for (const length of [300, 256]) {
      const user = 'm'.repeat(length);
      expect(await refusal(user, await loginToken(user))).toEqual({
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

describe('[VER1] [VER2] versions', () => {
  it('one that is too old is told so, and closed with 4203', async () => {
    const user = mallory();
    expect(await refusal(user, await loginToken(user), { v: 0 })).toEqual({
      closeCode: 4203,
      messages: refusedWith('version_unsupported', 'stop'),
    });
  });

  it("one from the future speaks the server's", async () => {
    const client = await scene.connect();
    expect((await client.logIn(mallory(), { v: 65_535 })).token['v']).toBe(1);
  });
});
