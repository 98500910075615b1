import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Native,
  type RawClient,
  type Scripted,
  startScripted,
  TOKEN,
  tokenOf,
} from './scripted-node.ts';

let scripted: Scripted;
beforeEach(async () => {
  scripted = await startScripted();
});
afterEach(() => scripted.stop());

/** The name `a` before each message, then what y-protocols has. */
const STEP_1 = '01 61 00 00 01 00';
const AWARENESS_5 = '01 61 01 06 01 05 01 02 7b 7d';
const READ_WRITE = '01 61 02 02 0a 726561642d7772697465';
const READ_ONLY = '01 61 02 02 08 726561646f6e6c79';
const SAVED = '01 61 08 01';

/** The provider's message with its token, and its version behind it. */
function auth(token: string, key = '0161'): string {
  const bytes = Buffer.from(token);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length % 128) | 128, bytes.length >> 7];
  return `${key} 02 00 ${Buffer.from(length).toString('hex')} ${bytes.toString('hex')} 05 342e382e30`;
}

const denied = (reason: string): string =>
  `01 61 02 01 ${Buffer.from([reason.length]).toString('hex')} ${Buffer.from(reason).toString('hex')}`;
const closed = (reason: string): string =>
  `01 61 07 ${Buffer.from([reason.length]).toString('hex')} ${Buffer.from(reason).toString('hex')}`;

async function answerPing({ socket }: RawClient): Promise<void> {
  const ponged = new Promise<void>((resolve) => socket.once('pong', () => resolve()));
  socket.ping();
  await ponged;
}

/** Somebody whose token for the document `a` went up as a login. */
async function authenticated(): Promise<{ client: RawClient; native: Native }> {
  const client = scripted.connect('/hocuspocus');
  await client.open();
  const opening = scripted.nextNative();
  client.send(auth(tokenOf('alice')));
  const native = await opening;
  expect(await native.next()).toMatchObject({ t: 'login', username: 'alice', token: tokenOf('alice') });
  return { client, native };
}

async function joined(role = 'write'): Promise<{ client: RawClient; native: Native }> {
  const both = await authenticated();
  const { client, native } = both;
  client.send(STEP_1);
  client.send(AWARENESS_5);
  await answerPing(client);
  native.say(TOKEN);
  const sub = await native.next();
  expect(sub).toMatchObject({ t: 'sub', c: 'doc:a', sv: 'AA==', cl: [5] });
  native.say({ t: 'ok', i: sub.i, e: 'x', o: 0, role, sv: 'AA==' });
  await client.gets(role === 'write' ? READ_WRITE : READ_ONLY, '01 61 00 00 01 00', '01 61 00 01 02 00 00');
  const awareness = await native.next();
  expect(awareness).toMatchObject({ t: 'aw', c: 'doc:a', cl: 5, n: 1, d: {} });
  native.say({ t: 'ok', i: awareness.i });
  return both;
}

describe('a provider of Hocuspocus', () => {
  it('is let in by the token of its document, told its role, asked for what it has, and told that it is synced', async () => {
    await joined();
  });

  it('is told that it may only read', async () => {
    const { client } = await joined('comment');
    client.send('01 61 00 02 01 aa');
    await client.gets('01 61 08 00');
  });

  it('is told that a change is saved once it is kept, not before', async () => {
    const { client, native } = await joined();
    client.send('01 61 00 02 03 aa bb cc');
    const update = await native.next();
    expect(update).toMatchObject({ t: 'upd', c: 'doc:a', d: 'qrvM' });
    await answerPing(client);
    expect(client.got).toEqual([]);
    native.say({ t: 'ok', i: update.i, e: 'x', o: 1 });
    await client.gets(SAVED);
  });

  it('with nothing new is told so at once: it waits for that', async () => {
    const { client, native } = await joined();
    const before = native.sent.length;
    client.send('01 61 00 01 02 00 00');
    await client.gets(SAVED);
    expect(native.sent).toHaveLength(before);
  });

  it('gets what is owed for changes that were refused once the whole is kept', async () => {
    const { client, native } = await joined();
    client.send('01 61 00 02 01 01');
    client.send('01 61 00 02 01 02');
    native.say({ t: 'err', i: (await native.next()).i, code: 'update_gap', m: '' });
    await native.next();
    const sub = await native.next();
    expect(sub).toMatchObject({ t: 'sub', e: 'x' });
    native.say({ t: 'ok', i: sub.i, e: 'x', o: 2, rec: true, role: 'write', sv: 'AA==' });
    await client.gets('01 61 00 00 01 00');
    client.send('01 61 00 01 01 03');
    native.say({ t: 'ok', i: (await native.next()).i, e: 'x', o: 3 });
    await client.gets(SAVED, SAVED, SAVED);
  });

  it('that is refused is told why, and its socket stays: the next token is tried there', async () => {
    const { client, native } = await authenticated();
    native.connection.close(4200, 'token_invalid');
    await client.gets(denied('token_invalid'));
    client.send('01 61 00 02 01 01');
    await answerPing(client);
    const opening = scripted.nextNative();
    client.send(auth(tokenOf('bob')));
    expect(await (await opening).next()).toMatchObject({ t: 'login', username: 'bob' });
    expect(client.got).toEqual([]);
  });

  it.each([
    ['no token', '', 'token_invalid', '0161'],
    ['one that is no JWT', 'opaque', 'token_invalid', '0161'],
    ['a name that no document could have', tokenOf('alice'), 'forbidden', '0101'],
  ])('with %s is refused without a session', async (_title, token, reason, key) => {
    const client = scripted.connect('/hocuspocus');
    await client.open();
    client.send(auth(token, key));
    await client.gets(denied(reason).replace('01 61', key));
    expect(scripted.natives).toEqual([]);
  });

  it('may name the user of a token that only the app can read, in its address', async () => {
    const client = scripted.connect('/hocuspocus/?user=carol');
    await client.open();
    const opening = scripted.nextNative();
    client.send(auth('opaque'));
    expect(await (await opening).next()).toMatchObject({ username: 'carol', token: 'opaque' });
  });

  it('hears of a document that is not there as of one that is not theirs', async () => {
    const { client, native } = await authenticated();
    native.say(TOKEN);
    native.say({ t: 'err', i: (await native.next()).i, code: 'forbidden', m: '' });
    await client.gets(denied('forbidden'));
  });

  it('keeps what it sent before its token', async () => {
    const client = scripted.connect('/hocuspocus');
    await client.open();
    client.send('01 61 00 02 01 07');
    const opening = scripted.nextNative();
    client.send(auth(tokenOf('alice')));
    const native = await opening;
    await native.next();
    native.say(TOKEN);
    native.say({ t: 'ok', i: (await native.next()).i, e: 'x', o: 0, role: 'write', sv: 'AA==' });
    expect(await native.next()).toMatchObject({ t: 'upd', d: 'Bw==' });
  });

  it('is closed where it sends more than that without a token', async () => {
    const client = scripted.connect('/hocuspocus');
    await client.open();
    for (let n = 0; n < 6; n++) client.send(`01 61 00 02 a0 8d 0c ${'ab'.repeat(200_000)}`);
    expect((await client.closed).code).toBe(4205);
    expect(scripted.natives).toEqual([]);
  });
});

describe('documents on one socket of Hocuspocus', () => {
  it('of one user share a session; each has its name before its messages', async () => {
    const { client, native } = await joined();
    client.send(auth(tokenOf('alice'), '0162'));
    const sub = await native.next();
    expect(sub).toMatchObject({ t: 'sub', c: 'doc:b' });
    native.say({ t: 'ok', i: sub.i, e: 'x', o: 0, role: 'write' });
    await client.gets(READ_WRITE.replace('61', '62'));
    native.say(
      { t: 'p', c: 'doc:b', o: 1, by: 'bob', d: 'qg==' },
      { t: 'p', c: 'doc:a', o: 1, by: 'bob', d: 'uw==' },
    );
    await client.gets('01 62 00 02 01 aa 01 61 00 02 01 bb'.slice(0, 17), '01 61 00 02 01 bb');
    expect(scripted.natives).toHaveLength(1);
  });

  it('of two users have two sessions, and end apart', async () => {
    const { client, native } = await joined();
    const opening = scripted.nextNative();
    client.send(auth(tokenOf('bob'), '0162'));
    const other = await opening;
    other.connection.close(4208, 'revoked');
    await client.gets(denied('revoked').replace('61', '62'));
    native.say({ t: 'p', c: 'doc:a', o: 1, by: 'bob', d: 'qg==' });
    await client.gets('01 61 00 02 01 aa');
    await scripted.clock.settle();
    expect(scripted.door.connections).toBe(1);
  });

  it('of one name, with an id of the provider behind it, are two sessions', async () => {
    const { client } = await joined();
    const opening = scripted.nextNative();
    client.send(auth(tokenOf('alice'), '03 61 00 78'.replaceAll(' ', '')));
    const other = await opening;
    expect(await other.next()).toMatchObject({ t: 'login', username: 'alice' });
    other.say(TOKEN);
    expect(await other.next()).toMatchObject({ t: 'sub', c: 'doc:a' });
  });

  it('that the provider closes are left, and the others stay', async () => {
    const { client, native } = await joined();
    client.send('01 61 07');
    expect(await native.next()).toEqual({ t: 'unsub', c: 'doc:a' });
    client.send(auth(tokenOf('alice')));
    expect(await native.next()).toMatchObject({ t: 'sub', c: 'doc:a' });
  });

  it('[DOC5] whose right ends are denied and closed; the socket stays', async () => {
    const { client, native } = await joined();
    native.say({ t: 'unsub', c: 'doc:a', code: 'forbidden' });
    await client.gets(denied('forbidden'), closed('forbidden'));
    client.send('01 61 00 02 01 01');
    await answerPing(client);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('[DOC5] whose role changes are told so, and asked for what they have once they may write', async () => {
    const { client, native } = await joined();
    native.say({ t: 'role', c: 'doc:a', role: 'read' });
    await client.gets(READ_ONLY);
    native.say({ t: 'role', c: 'doc:a', role: 'write' });
    await client.gets(READ_WRITE);
    const sub = await native.next();
    native.say({ t: 'ok', i: sub.i, e: 'x', o: 0, rec: true, role: 'write', sv: 'AA==' });
    await client.gets('01 61 00 00 01 00');
  });

  it('take a newer token; one that is not good is denied, and the older goes on', async () => {
    const { client, native } = await joined();
    client.send(auth(`${tokenOf('alice')}2`));
    const renewal = await native.next();
    expect(renewal).toMatchObject({ t: 'auth', token: `${tokenOf('alice')}2` });
    native.say({ t: 'err', i: renewal.i, code: 'token_invalid', m: '' });
    await client.gets(denied('token_invalid'));
    client.send(auth(tokenOf('bob')));
    await client.gets(denied('username_mismatch'));
  });

  it('are asked for a newer token a minute before theirs runs out, once', async () => {
    const { client, native } = await authenticated();
    native.say({ ...TOKEN, exp: scripted.clock.nowMs() + 65_000 });
    native.say({ t: 'ok', i: (await native.next()).i, e: 'x', o: 0, role: 'write' });
    await client.gets(READ_WRITE);
    await scripted.clock.advance(9_000);
    await client.gets('01 61 02 00');
    await scripted.clock.advance(7_000);
    await client.gets('01 61 01 01 00');
  });
});

describe('the socket of a provider of Hocuspocus', () => {
  it.each([
    [4000, 'draining'],
    [4100, 'token_expired'],
    [4103, 'unavailable'],
  ])('is closed with %i where a session ends so: the provider comes back by itself', async (code, reason) => {
    const { client, native } = await joined();
    native.connection.close(code, reason);
    expect(await client.closed).toEqual({ code, reason });
  });

  it('without a token is closed after the time for a login, without a document after a minute', async () => {
    const silent = scripted.connect('/hocuspocus');
    await silent.open();
    await scripted.clock.advance(15_000);
    expect((await silent.closed).code).toBe(4408);
    const { client, native } = await authenticated();
    native.connection.close(4200, 'token_invalid');
    await client.gets(denied('token_invalid'));
    await scripted.clock.advance(55_000);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    await scripted.clock.advance(15_000);
    expect((await client.closed).code).toBe(4408);
  });

  it('takes no answer to its stateless messages, and what belongs between servers, for an error', async () => {
    const { client, native } = await joined();
    const before = native.sent.length;
    client.send('01 61 05 02 68 69');
    client.send('01 61 06 02 68 69');
    client.send('0a');
    await answerPing(client);
    expect(native.sent).toHaveLength(before);
    expect(client.got).toEqual([]);
  });

  it('that is left ends every session of it', async () => {
    const { client, native } = await joined();
    client.socket.close(1000);
    expect(await native.next()).toEqual({ t: 'logout' });
    native.connection.close(4205, 'logged_out');
    await client.closed;
    await scripted.clock.settle();
    expect(native.closedWith).toEqual([4205]);
    expect(scripted.door.connections).toBe(0);
  });

  it.each([
    ['an empty frame', ''],
    ['a name that goes beyond it', '7f 61'],
    ['no type', '01 61'],
    ['a message of auth that only servers send', '01 61 02 02 00'],
    ['a step of sync that there is not', '01 61 00 09'],
    ['an update that goes beyond it', '01 61 00 02 7f 01'],
  ])('is closed by %s (4400)', async (_title, hex) => {
    const { client } = await joined();
    client.send(hex);
    expect(await client.closed).toEqual({ code: 4400, reason: 'bad_message' });
  });

  it('has at most 100 documents', async () => {
    const { client, native } = await joined();
    for (let n = 10; n < 109; n++)
      client.send(auth(tokenOf('alice'), `03${Buffer.from(String(n)).toString('hex').padStart(6, '62')}`));
    await answerPing(client);
    client.send(auth(tokenOf('alice'), '0163'));
    await client.gets(denied('limit_reached').replace('61', '63'));
    expect(native.sent.filter(({ t }) => t === 'sub').length).toBeLessThanOrEqual(100);
  });
});
