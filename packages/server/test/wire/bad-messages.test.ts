import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BareClient, Wire } from './scene/bare-client.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { loginToken } from './scene/login-token.ts';
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

/** The reply to a request, with everything that came before it. */
async function replies(client: BareClient, frame: object | string): Promise<Wire[]> {
  client.take();
  client.send(frame);
  await client.waitFor(
    'a reply',
    (message) => (message.t === 'ok' || message.t === 'err') && message['i'] !== undefined,
  );
  return client.take();
}

/** What the server answers to one frame at once. */
async function answers(client: BareClient, frame: object | string | Uint8Array): Promise<Wire[]> {
  client.take();
  client.send(frame);
  await client.settle();
  return client.take();
}

const KIB = 1024;
const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** `field`: what the refusal's text begins with; empty where it names none. */
type Row = [title: string, frame: string | Uint8Array, code: string, field: string];

/** Refused alike before and after the login. */
const REFUSED: Row[] = [
  ['nothing', '', 'bad_json', ''],
  ['words', 'hello there', 'bad_json', ''],
  ['a torn object', '{"t":"hb"', 'bad_json', ''],
  ['an object with something behind it', '{"t":"hb","q":1}{}', 'bad_json', ''],
  ['single quotes', "{'t':'hb'}", 'bad_json', ''],
  ['a NUL', '\u0000', 'bad_json', ''],
  ['a byte order mark', '\ufeff{"t":"hb","q":1}', 'bad_json', ''],
  ['NaN', 'NaN', 'bad_json', ''],
  ['a list', '[{"t":"hb"}]', 'bad_json', ''],
  ['a number', '1e999', 'bad_json', ''],
  ['null', 'null', 'bad_json', ''],
  ['a string', '"hb"', 'bad_json', ''],
  ['lists 30,000 deep', deep(30_000), 'bad_json', ''],
  ['lists 30,000 deep that never end', '['.repeat(60_000), 'bad_json', ''],
  ['objects 8,000 deep that never end', '{"t":'.repeat(8_000), 'bad_json', ''],
  ['binary noise', randomBytes(1_000), 'binary_unsupported', ''],
  ['no bytes at all, binary', new Uint8Array(), 'binary_unsupported', ''],
  ['a good message in a binary frame', Buffer.from('{"t":"hb","q":1}'), 'binary_unsupported', ''],
  ['no t', '{"a":"Coding"}', 'bad_message', 't'],
  ['t null', '{"t":null}', 'bad_message', 't'],
  ['t a number', '{"t":1}', 'bad_message', 't'],
  ['t a list', '{"t":["hb"]}', 'bad_message', 't'],
  ['t an object', '{"t":{"toString":"hb"}}', 'bad_message', 't'],
  ['t in a prototype only', '{"__proto__":{"t":"hb","q":1}}', 'bad_message', 't'],
  ['t 30,000 deep', `{"t":${deep(30_000)}}`, 'bad_message', 't'],
  ['an empty t', '{"t":""}', 'unknown_type', ''],
  ['a t that nobody knows', '{"t":"publish","channel":"x"}', 'unknown_type', ''],
  ['a t of the server', '{"t":"sync","users":[]}', 'unknown_type', ''],
  ['a t in other case', '{"t":"StatusUpdate"}', 'unknown_type', ''],
  ['a t that every object has', '{"t":"constructor"}', 'unknown_type', ''],
  ['a t that is a prototype', '{"t":"__proto__"}', 'unknown_type', ''],
  ['a t of 60,000 characters', JSON.stringify({ t: 'x'.repeat(60_000) }), 'unknown_type', ''],
  ['a probe whose number is text', '{"t":"hb","q":"1"}', 'bad_message', 'q'],
  ['a probe whose number is negative', '{"t":"hb","q":-1}', 'bad_message', 'q'],
  ['a probe whose number is a fraction', '{"t":"hb","q":0.5}', 'bad_message', 'q'],
  ['a probe whose number no double holds', '{"t":"hb","q":9007199254740993}', 'bad_message', 'q'],
  ['a status that is none', '{"t":"statusUpdate","s":"Sleeping"}', 'bad_message', 's'],
  ['a status in other case', '{"t":"statusUpdate","s":"online"}', 'bad_message', 's'],
  ['a status that every object has', '{"t":"statusUpdate","s":"toString"}', 'bad_message', 's'],
  ['a status that is null', '{"t":"statusUpdate","s":null}', 'bad_message', 's'],
  ['an activity that is a number', '{"t":"statusUpdate","a":1}', 'bad_message', 'a'],
  ['an activity that is null', '{"t":"statusUpdate","a":null}', 'bad_message', 'a'],
  ['an activity that is a list', '{"t":"statusUpdate","a":["x"]}', 'bad_message', 'a'],
  ['an activity that is 30,000 deep', `{"t":"statusUpdate","a":${deep(30_000)}}`, 'bad_message', 'a'],
  [
    'an activity of 2,000 characters',
    JSON.stringify({ t: 'statusUpdate', a: 'x'.repeat(2_000) }),
    'bad_message',
    'a',
  ],
  ['a request id that is text', '{"t":"logout","i":"1"}', 'bad_message', 'i'],
  ['a request id that is negative', '{"t":"logout","i":-1}', 'bad_message', 'i'],
  ['a request id that is infinite', '{"t":"logout","i":1e999}', 'bad_message', 'i'],
  ['a refresh without a token', '{"t":"auth"}', 'bad_message', 'token'],
  [
    'a refresh with a token of 10,000 characters',
    JSON.stringify({ t: 'auth', token: 'x'.repeat(10_000) }),
    'bad_message',
    'token',
  ],
  ['a login without a username', '{"t":"login","token":"x"}', 'bad_message', 'username'],
  ['a login whose username is a number', '{"t":"login","username":1,"token":"x"}', 'bad_message', 'username'],
  [
    'a login whose token is an object',
    '{"t":"login","username":"mallory","token":{}}',
    'bad_message',
    'token',
  ],
  [
    'a login with an empty device',
    '{"t":"login","username":"mallory","token":"x","device":""}',
    'bad_message',
    'device',
  ],
  [
    'a login with a resume token of 300 characters',
    JSON.stringify({ t: 'login', username: 'mallory', token: 'x', resume: 'r'.repeat(300) }),
    'bad_message',
    'resume',
  ],
  [
    'a login with a version that is no number',
    '{"t":"login","username":"mallory","token":"x","v":"1"}',
    'bad_message',
    'v',
  ],
];

describe('[MSG1] [MSG2] what cannot be understood is answered, and changes nothing', () => {
  it.each(REFUSED)('before the login: %s', async (_title, frame, code, field) => {
    const client = await scene.connect();
    expectRefusal(await answers(client, frame), code, field);
    // The connection is as good as before.
    const { token } = await client.logIn(mallory());
    expect(token['resumed']).toBe(false);
  });

  it.each(REFUSED)('after the login: %s', async (_title, frame, code, field) => {
    const client = await scene.logIn(mallory());
    expectRefusal(await answers(client, frame), code, field);
    expect(await replies(client, '{"t":"statusUpdate","a":"as before","i":5}')).toEqual([{ t: 'ok', i: 5 }]);
  });

  function expectRefusal(received: readonly Wire[], code: string, field: string): void {
    expect(received).toEqual([{ t: 'err', code, m: expect.any(String) }]);
    // What comes back may quote a little of what was sent, never all of it.
    expect((received[0]!['m'] as string).length).toBeLessThanOrEqual(512);
    if (field !== '') expect(received[0]!['m']).toMatch(new RegExp(`^${field}: `));
  }

  it('[MSG5] a refusal names the request where it can be read', async () => {
    const client = await scene.logIn(mallory());
    expect(await answers(client, '{"t":"publish","i":41}')).toMatchObject([
      { t: 'err', code: 'unknown_type', i: 41 },
    ]);
    expect(await answers(client, '{"t":"statusUpdate","s":3,"i":42}')).toMatchObject([
      { t: 'err', code: 'bad_message', i: 42 },
    ]);
    expect(await answers(client, '{"t":"statusUpdate","s":3,"i":-2}')).toEqual([
      { t: 'err', code: 'bad_message', m: expect.any(String) },
    ]);
  });
});

describe('[MSG3] what is not known is ignored', () => {
  it.each([
    ['a field 15,000 deep', `{"t":"statusUpdate","z":${deep(15_000)},"i":1}`],
    ['a __proto__ key', '{"t":"statusUpdate","__proto__":{"s":"Busy","a":"polluted"},"i":1}'],
    ['a constructor key', '{"t":"statusUpdate","constructor":{"prototype":{"a":"polluted"}},"i":1}'],
    ['an empty key', '{"t":"statusUpdate","":1,"i":1}'],
    ['60,000 characters', JSON.stringify({ t: 'statusUpdate', z: 'x'.repeat(60_000), i: 1 })],
    [
      '5,000 fields',
      `{"t":"statusUpdate",${Array.from({ length: 5_000 }, (_, k) => `"z${k}":1`).join(',')},"i":1}`,
    ],
  ])('%s', async (_title, frame) => {
    const user = mallory();
    await scene.follow([`fan of ${user}`, user]);
    const client = await scene.logIn(user);
    const fan = await scene.logIn(`fan of ${user}`);
    expect(await replies(client, frame)).toEqual([{ t: 'ok', i: 1 }]);
    await fan.settle();
    expect(fan.take()).toEqual([]);
    // Nothing was taken up by any object of the server: a new session shows none of it.
    const { body } = await scene.server.api(
      'GET',
      `/v1/users/${encodeURIComponent(`fan of ${user}`)}/presence`,
    );
    expect(body).toEqual({ user: `fan of ${user}`, s: 'Online' });
  });
});

describe('[PRE7] fields', () => {
  it.each([
    [
      'one character too long',
      JSON.stringify({ t: 'statusUpdate', a: 'x'.repeat(129), i: 1 }),
      'a: expected at most 128 characters',
    ],
    ['half a surrogate pair', '{"t":"statusUpdate","p":"\\ud83e","i":1}', 'p: contains a lone surrogate'],
  ])('%s', async (_title, frame, m) => {
    const client = await scene.logIn(mallory());
    expect(await answers(client, frame)).toEqual([{ t: 'err', code: 'bad_message', m, i: 1 }]);
  });

  it('a value of just the longest length passes', async () => {
    const client = await scene.logIn(mallory());
    expect(await replies(client, { t: 'statusUpdate', a: '🥣'.repeat(64), i: 1 })).toEqual([
      { t: 'ok', i: 1 },
    ]);
  });
});

describe('[MSG4] messages that no connection survives', () => {
  it.each([
    ['1 MiB of text', JSON.stringify({ t: 'statusUpdate', a: 'x'.repeat(KIB * KIB) }), 1009],
    ['64 KiB and one byte', 'x'.repeat(64 * KIB + 1), 1009],
    ['1 MiB of noise', randomBytes(KIB * KIB), 1009],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 1007],
    ['a surrogate encoded as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 1007],
  ])('%s', async (_title, payload, code) => {
    for (const loggedIn of [false, true]) {
      const client = loggedIn ? await scene.logIn(mallory()) : await scene.connect();
      client.socket.send(payload, { binary: code === 1009 && typeof payload !== 'string' });
      expect(await client.closed).toMatchObject({ code });
      expect(client.take()).toEqual([]);
    }
  });

  it('64 KiB pass, and are judged by what they hold', async () => {
    const client = await scene.connect();
    expect(await answers(client, 'x'.repeat(64 * KIB))).toMatchObject([{ t: 'err', code: 'bad_json' }]);
  });
});

describe('[LOG1] [LOG2] messages out of their place', () => {
  it.each([
    '{"t":"statusUpdate","s":"Busy","i":1}',
    '{"t":"logout","i":1}',
    '{"t":"auth","token":"x","i":1}',
  ])('before the login: %s', async (frame) => {
    const client = await scene.connect();
    expect(await answers(client, frame)).toEqual([
      { t: 'err', code: 'not_logged_in', m: expect.any(String), i: 1 },
    ]);
    expect(client.closedWith).toBeNull();
  });

  it('a second login is refused, also as another user, and the session goes on', async () => {
    const self = mallory();
    const client = await scene.logIn(self);
    for (const user of [self, 'watched']) {
      const again = { t: 'login', username: user, token: await loginToken(user), i: 9 };
      expect(await answers(client, again)).toEqual([
        { t: 'err', code: 'already_logged_in', m: expect.any(String), i: 9 },
      ]);
    }
    expect(await replies(client, '{"t":"statusUpdate","i":2}')).toEqual([{ t: 'ok', i: 2 }]);
  });

  it('two logins in one packet give one session', async () => {
    const client = await scene.connect();
    const user = mallory();
    const login = { t: 'login', username: user, token: await loginToken(user), i: 3 };
    client.send(login);
    client.send(login);
    await client.waitFor('sync', ({ t }) => t === 'sync');
    await client.settle();
    expect(client.take().map(({ t, code }) => code ?? t)).toEqual(['already_logged_in', 'token', 'sync']);
  });

  it('of 40 messages behind a login 16 wait for it, and the others are told to come later', async () => {
    const client = await scene.connect();
    const user = mallory();
    client.send({ t: 'login', username: user, token: await loginToken(user) });
    for (let i = 1; i <= 40; i++) client.send({ t: 'auth', token: 'x', i });
    await client.waitFor('sync', ({ t }) => t === 'sync');
    await client.settle();
    await client.waitFor('the answer to the 16th', ({ i }) => i === 16);
    const replies = client.take().filter(({ t }) => t === 'err');
    expect(replies.filter(({ code }) => code === 'rate_limited').map(({ i }) => i)).toEqual(
      Array.from({ length: 24 }, (_, k) => k + 17),
    );
    expect(replies.filter(({ code }) => code === 'token_invalid').map(({ i }) => i)).toEqual(
      Array.from({ length: 16 }, (_, k) => k + 1),
    );
  });
});
