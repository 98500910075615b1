import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  frameOf,
  type Native,
  type NativeMessage,
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

/** Sync step 1 of an empty document, and awareness of client 5: what the provider sends as soon as it is open. */
const STEP_1 = '00 00 01 00';
const AWARENESS_5 = '01 06 01 05 01 02 7b 7d';

const AWARENESS_OF = { t: 'aw', c: 'doc:a' };

async function connected(
  path = `/yjs/a?token=${tokenOf('alice')}`,
): Promise<{ client: RawClient; native: Native }> {
  const opening = scripted.nextNative();
  const client = scripted.connect(path);
  const native = await opening;
  await client.open();
  expect(await native.next()).toMatchObject({ t: 'login', username: 'alice' });
  return { client, native };
}

/** A client that is in `doc:a`, empty, with this role. */
async function joined(role = 'write'): Promise<{ client: RawClient; native: Native }> {
  const both = await connected();
  const { client, native } = both;
  client.send(STEP_1);
  client.send(AWARENESS_5);
  await answerPing(client);
  native.say(TOKEN);
  const sub = await native.next();
  expect(sub).toMatchObject({ t: 'sub', c: 'doc:a', sv: 'AA==', cl: [5] });
  native.say({ t: 'ok', i: sub.i, e: 'x', o: 0, role, sv: 'AA==' });
  await client.gets(...(role === 'write' ? ['00 00 01 00'] : []), '00 01 02 00 00');
  expect(await native.next()).toMatchObject({ ...AWARENESS_OF, cl: 5, n: 1, d: {} });
  native.say({ t: 'ok', i: native.sent.at(-1)!.i });
  return both;
}

/** Resolves once the server has read all that was sent: a ping is answered behind it. */
async function answerPing({ socket }: RawClient): Promise<void> {
  const ponged = new Promise<void>((resolve) => socket.once('pong', () => resolve()));
  socket.ping();
  await ponged;
}

describe('a client of y-websocket', () => {
  it('logs in by the token in its address as the `sub` of it, and joins by its state vector and client id', async () => {
    await joined();
  });

  it('may bring its token by a subprotocol, of which only the name without it is answered', async () => {
    const opening = scripted.nextNative();
    const client = scripted.connect('/yjs/a', {
      protocols: ['carillon.yjs', `carillon.token.${tokenOf('bob')}`],
    });
    expect(await (await opening).next()).toMatchObject({ username: 'bob', token: tokenOf('bob') });
    await client.open();
    expect(client.socket.protocol).toBe('carillon.yjs');
  });

  it('may bring its token in a header, and name the user of one that only the app can read', async () => {
    const opening = scripted.nextNative();
    scripted.connect('/yjs/a?user=carol', { headers: { authorization: 'Bearer opaque' } });
    expect(await (await opening).next()).toMatchObject({ username: 'carol', token: 'opaque' });
  });

  it('names its document in the path, decoded and encoded as a channel', async () => {
    const { client, native } = await connected(`/yjs/a%20b%2Fc:d?token=${tokenOf('alice')}`);
    client.send(STEP_1);
    await answerPing(client);
    native.say(TOKEN);
    expect(await native.next()).toMatchObject({ t: 'sub', c: 'doc:a%20b%2Fc%3Ad' });
  });

  it.each(['/yjs/', '/yjs/%ff', '/yjs/a%00b', '/yjs', `/yjs/${'x'.repeat(300)}`])(
    'to %s, which no document could be called, is answered 404',
    async (path) => {
      const client = scripted.connect(`${path}?token=${tokenOf('alice')}`);
      expect(await client.refused).toBe(404);
    },
  );

  it.each([
    ['none', '/yjs/a'],
    ['one that is no JWT, and no user', '/yjs/a?token=opaque'],
  ])('with a token that is %s is told to stay away (4401)', async (_title, path) => {
    const client = scripted.connect(path);
    expect(await client.closed).toEqual({ code: 4401, reason: 'token_invalid' });
    expect(scripted.natives).toEqual([]);
  });

  it.each([
    [4200, 'token_invalid', 4401],
    [4100, 'token_expired', 4401],
    [4201, 'username_mismatch', 4401],
    [4208, 'revoked', 4401],
    [4206, 'user_erased', 4403],
    [4000, 'draining', 4000],
    [4103, 'unavailable', 4103],
    [4002, 'slow_consumer', 4002],
  ])('whose connection the server ends with %i (%s) is closed with %i', async (code, reason, told) => {
    const { client, native } = await connected();
    native.connection.close(code, reason);
    expect(await client.closed).toEqual({ code: told, reason });
    await scripted.clock.settle();
    expect(native.closedWith).toEqual([code]);
  });

  it('hears of a document that is not there as of one that is not theirs: 4403', async () => {
    const { client, native } = await connected();
    client.send(STEP_1);
    await answerPing(client);
    native.say(TOKEN);
    const { i } = await native.next();
    native.say({ t: 'err', i, code: 'forbidden', m: 'no' });
    await client.gets('02 00 0d 66 6f 72 62 69 64 64 65 6e 3a 20 6e 6f');
    expect(await client.closed).toEqual({ code: 4403, reason: 'forbidden' });
  });

  it('gets the state as one update, what is behind it, and only then that it is synced', async () => {
    const { client, native } = await connected();
    client.send(STEP_1);
    await answerPing(client);
    native.say(TOKEN);
    const { i } = await native.next();
    native.say(
      { t: 'ok', i, e: 'x', o: 9, role: 'write', sv: 'AQUC', ds: 3 },
      { t: 'ds', c: 'doc:a', i: 3, n: 1, of: 2, o: 8, d: 'qrs=' },
      { t: 'ds', c: 'doc:a', i: 3, n: 2, of: 2, o: 8, d: 'zA==' },
      { t: 'ps', c: 'doc:a', ps: [{ o: 9, d: '3e4=' }] },
    );
    await client.gets('00 00 03 01 05 02', '00 02 03 aa bb cc', '00 02 02 dd ee', '00 01 02 00 00');
  });

  it('gets what others change, and not its own', async () => {
    const { client, native } = await joined();
    native.say(
      { t: 'p', c: 'doc:a', o: 1, own: true, i: 7 },
      { t: 'p', c: 'doc:a', o: 2, by: 'bob', d: 'qrs=' },
    );
    await client.gets('00 02 02 aa bb');
  });

  it('gets where others are as one awareness message', async () => {
    const { client, native } = await joined();
    native.say({
      t: 'aw',
      c: 'doc:a',
      ss: [
        { cl: 300, n: 7, by: 'bob', d: { x: 1 } },
        { cl: 9, n: 2 },
      ],
    });
    await client.gets('01 13 02 ac02 07 07 7b2278223a317d 09 02 04 6e756c6c');
  });

  it('[DOC6] is not told of itself: the clocks that the server tells are of the server, and it would take them for newer', async () => {
    const { client, native } = await joined();
    const others = [
      { cl: 9, n: 2, by: 'bob', d: {} },
      { cl: 8, n: 3, by: 'bob', d: {} },
    ];
    const own = { cl: 5, n: 1_795_000_000_000, by: 'alice', d: {} };
    native.say({ t: 'aw', c: 'doc:a', ss: [own] });
    native.say({ t: 'aw', c: 'doc:a', ss: [others[0], own, others[1]] });
    await client.gets('01 0b 02 09 02 02 7b7d 08 03 02 7b7d');
    native.say({ t: 'aw', c: 'doc:a', ss: [own, ...others] });
    native.say({ t: 'aw', c: 'doc:a', ss: [...others, own] });
    await client.gets('01 0b 02 09 02 02 7b7d 08 03 02 7b7d', '01 0b 02 09 02 02 7b7d 08 03 02 7b7d');
  });

  it('[DOC6] that has not said who it is is not told of its user: it may be itself, in an earlier life', async () => {
    const { client, native } = await connected();
    client.send(STEP_1);
    await answerPing(client);
    native.say(TOKEN);
    const { i } = await native.next();
    native.say(
      { t: 'ok', i, e: 'x', o: 0, role: 'read' },
      {
        t: 'aw',
        c: 'doc:a',
        all: true,
        ss: [
          { cl: 5, n: 7, by: 'alice', d: {} },
          { cl: 9, n: 2, by: 'bob', d: {} },
        ],
      },
    );
    await client.gets('01 06 01 09 02 02 7b7d', '00 01 02 00 00');
    client.send(AWARENESS_5);
    expect(await native.next()).toMatchObject({ t: 'sub', cl: [5] });
  });

  it('one translation serves all who are sent the same', async () => {
    const one = await joined();
    const two = await joined();
    const frame = frameOf({ t: 'p', c: 'doc:a', o: 1, by: 'bob', d: 'qrs=' });
    one.native.frames(frame);
    const { told, yjs } = frame.others!;
    two.native.frames(frame);
    await one.client.gets('00 02 02 aa bb');
    await two.client.gets('00 02 02 aa bb');
    expect(frame.others!.told).toBe(told);
    expect(frame.others!.yjs).toBe(yjs);
  });
});

describe('what a client of y-websocket changes', () => {
  it('goes up as an update; the answer to a question as a full one; neither is answered to it', async () => {
    const { client, native } = await joined();
    client.send('00 02 03 aa bb cc');
    client.send('00 01 03 dd ee ff');
    expect(await native.next()).toMatchObject({ t: 'upd', c: 'doc:a', d: 'qrvM' });
    expect(await native.next()).toMatchObject({ t: 'upd', d: '3e7/', full: true });
    native.say(
      { t: 'ok', i: native.sent.at(-2)!.i, e: 'x', o: 1 },
      { t: 'ok', i: native.sent.at(-1)!.i, dup: true },
    );
    await answerPing(client);
    expect(client.got).toEqual([]);
  });

  it('that is nothing goes nowhere', async () => {
    const { client, native } = await joined();
    const before = native.sent.length;
    client.send('00 01 02 00 00');
    await answerPing(client);
    expect(native.sent).toHaveLength(before);
  });

  it('goes up in parts where it is too long for a message', async () => {
    const { client, native } = await joined();
    const update = 'ab'.repeat(100_000);
    client.send(`00 02 a0 8d 06 ${update}`);
    const parts: NativeMessage[] = [];
    for (let from = native.sent.length; parts.length < 3;) {
      // Parts are counted by their size: those behind the first wait.
      await scripted.clock.advance(100);
      parts.push(...native.sent.slice(from));
      from = native.sent.length;
    }
    expect(parts.map(({ n, of }) => [n, of])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(parts.every((part) => JSON.stringify(part).length <= 64 * 1024)).toBe(true);
    expect(Buffer.from(parts.map(({ d }) => d).join(''), 'base64').toString('hex')).toBe(update);
  });

  it('waits while more is sent than a connection may, and nothing of it is lost', async () => {
    const { client, native } = await joined();
    for (let n = 0; n < 200; n++) client.send(`00 02 01 ${n.toString(16).padStart(2, '0')}`);
    const order: number[] = [];
    while (order.length < 200) {
      const message = native.sent.find(({ t, d }) => t === 'upd' && !order.includes(byteOf(d)));
      if (message === undefined) await scripted.clock.advance(20);
      else {
        order.push(byteOf(message.d));
        native.say({ t: 'ok', i: message.i, e: 'x', o: order.length });
      }
    }
    expect(order).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(scripted.clock.monotonicMs()).toBeGreaterThan(1_900);
  });

  it('that the server cannot keep now is sent again in its order, with what built on it', async () => {
    const { client, native } = await joined();
    client.send('00 02 01 01');
    client.send('00 02 01 02');
    const [one, two] = [await native.next(), await native.next()];
    native.say({ t: 'err', i: one.i, code: 'unavailable', m: '', retryAfterMs: 1_000 });
    await scripted.clock.advance(2_000);
    // Not before what follows is answered: it would stand before it.
    expect(native.sent.at(-1)).toBe(two);
    native.say({ t: 'err', i: two.i, code: 'update_gap', m: '' });
    await scripted.clock.advance(1_000);
    expect(await native.next()).toMatchObject({ t: 'upd', d: 'AQ==' });
    expect(await native.next()).toMatchObject({ t: 'upd', d: 'Ag==' });
  });

  it('[DOC4] that is refused is asked for anew by a fresh step 1; refused again, it is closed', async () => {
    const { client, native } = await joined();
    client.send('00 02 01 01');
    native.say({ t: 'err', i: (await native.next()).i, code: 'update_gap', m: 'gap' });
    const sub = await native.next();
    expect(sub).toMatchObject({ t: 'sub', c: 'doc:a', e: 'x', o: 0 });
    native.say({ t: 'ok', i: sub.i, e: 'x', o: 4, rec: true, role: 'write', sv: 'AQUC' });
    await client.gets('00 00 03 01 05 02');
    client.send('00 01 01 02');
    native.say({ t: 'err', i: (await native.next()).i, code: 'update_invalid', m: 'bad' });
    expect(await client.closed).toEqual({ code: 4400, reason: 'update_invalid' });
  });

  it('[DOC4] by a client id of somebody else ends it for good, by a code of its own', async () => {
    const { client, native } = await joined();
    client.send('00 02 01 01');
    native.say({ t: 'err', i: (await native.next()).i, code: 'client_id_taken', m: 'taken' });
    expect(await client.closed).toEqual({ code: 4409, reason: 'client_id_taken' });
  });

  it('[DOC5] as a reader is refused, said once, and not even sent on; it is not asked for what it has', async () => {
    const { client, native } = await joined('read');
    const before = native.sent.length;
    client.send('00 02 01 01');
    client.send('00 02 01 02');
    await answerPing(client);
    expect(native.sent).toHaveLength(before);
    expect(client.got).toHaveLength(1);
    expect(Buffer.from(client.got[0]!, 'hex').toString()).toContain('forbidden: your role');
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('[DOC5] is asked for as soon as it may write', async () => {
    const { client, native } = await joined('read');
    native.say({ t: 'role', c: 'doc:a', role: 'write' });
    const sub = await native.next();
    expect(sub).toMatchObject({ t: 'sub', e: 'x', o: 0 });
    native.say({ t: 'ok', i: sub.i, e: 'x', o: 4, rec: true, role: 'write', sv: 'AQUC' });
    await client.gets('00 00 03 01 05 02');
  });

  it('[DOC5] is over for who may not even read any more', async () => {
    const { client, native } = await joined();
    native.say({ t: 'unsub', c: 'doc:a', code: 'forbidden' });
    expect(await client.closed).toEqual({ code: 4403, reason: 'forbidden' });
  });
});

describe('where a client of y-websocket is', () => {
  it("[DOC6] is its own state alone: what it repeats of others' goes nowhere", async () => {
    const { client, native } = await joined();
    native.say({ t: 'aw', c: 'doc:a', ss: [{ cl: 9, n: 2, d: {} }] });
    const before = native.sent.length;
    client.send('01 06 01 09 02 02 7b7d');
    await answerPing(client);
    expect(native.sent).toHaveLength(before);
    client.send('01 0b 02 09 03 02 7b7d 05 02 02 7b7d');
    expect(await native.next()).toMatchObject({ t: 'aw', cl: 5, n: 2 });
  });

  it('is not taken to be somebody whom it was told of before it said who it is', async () => {
    const { client, native } = await connected();
    client.send(STEP_1);
    await answerPing(client);
    native.say(TOKEN);
    const { i } = await native.next();
    native.say(
      { t: 'ok', i, e: 'x', o: 0, role: 'write', sv: 'AA==' },
      { t: 'aw', c: 'doc:a', all: true, ss: [{ cl: 9, n: 2, d: {} }] },
    );
    client.send('01 06 01 09 02 02 7b7d');
    client.send('01 06 01 05 01 02 7b7d');
    expect(await native.next()).toMatchObject({ t: 'sub', c: 'doc:a', cl: [5] });
    expect(await native.next()).toMatchObject({ t: 'aw', cl: 5, n: 1 });
  });

  it('is over where the state is null', async () => {
    const { client, native } = await joined();
    client.send('01 08 01 05 02 04 6e756c6c');
    expect(await native.next()).toStrictEqual({ t: 'aw', c: 'doc:a', cl: 5, n: 2, i: native.sent.at(-1)!.i });
  });

  it('goes up one at a time, the latest of what came meanwhile, and again where it came too fast', async () => {
    const { client, native } = await joined();
    client.send('01 06 01 05 02 02 7b7d');
    const first = await native.next();
    client.send('01 06 01 05 03 02 7b7d');
    client.send('01 06 01 05 04 02 7b7d');
    await answerPing(client);
    expect(native.sent.at(-1)).toBe(first);
    native.say({ t: 'err', i: first.i, code: 'rate_limited', m: '', retryAfterMs: 30 });
    await scripted.clock.advance(30);
    expect(await native.next()).toMatchObject({ n: 4 });
    native.say({ t: 'err', i: native.sent.at(-1)!.i, code: 'rate_limited', m: '', retryAfterMs: 30 });
    await scripted.clock.advance(30);
    expect(await native.next()).toMatchObject({ n: 4 });
  });

  it.each([
    ['a number', '01 05 01 05 02 01 37'],
    ['a list', '01 06 01 05 02 02 5b5d'],
    ['no JSON', '01 05 01 05 02 01 7b'],
  ])('as %s is refused, and the connection goes on', async (_title, hex) => {
    const { client, native } = await joined();
    const before = native.sent.length;
    client.send(hex);
    await answerPing(client);
    expect(native.sent).toHaveLength(before);
    expect(Buffer.from(client.got[0]!, 'hex').toString()).toContain(
      'bad_message: an awareness state is a JSON object',
    );
  });
});

describe('the connection of a client of y-websocket', () => {
  it('[HB2] answers a heartbeat once the client has answered a ping', async () => {
    const { client, native } = await joined();
    const before = native.sent.length;
    const pinged = new Promise<void>((resolve) => client.socket.once('ping', () => resolve()));
    native.say({ t: 'hb', at: 1 });
    expect(native.sent).toHaveLength(before);
    await pinged;
    expect(await native.next()).toEqual({ t: 'hb' });
  });

  it('is told that the server is there before the provider gives it up', async () => {
    const { client } = await joined();
    await scripted.clock.advance(15_000);
    await client.gets('01 01 00');
  });

  it('that is left ends its session; one that drops leaves it to its grace', async () => {
    const left = await joined();
    left.client.socket.close(1000);
    expect(await left.native.next()).toEqual({ t: 'logout' });
    left.native.connection.close(4205, 'logged_out');
    await left.client.closed;
    await scripted.clock.settle();
    expect(left.native.closedWith).toEqual([4205]);
    const dropped = await joined();
    dropped.client.socket.terminate();
    await dropped.client.closed;
    while (dropped.native.closedWith.length === 0) await scripted.clock.advance(1);
    expect(dropped.native.closedWith).toEqual([1006]);
    expect(dropped.native.sent.at(-1)).toMatchObject({ t: 'aw' });
  });

  it('[REC6] that lost updates joins anew from where it was', async () => {
    const { native } = await joined();
    native.say({ t: 'p', c: 'doc:a', o: 7, by: 'bob', d: 'qrs=' });
    native.say({ t: 'gap', c: 'doc:a', why: 'resync' });
    expect(await native.next()).toMatchObject({ t: 'sub', c: 'doc:a', e: 'x', o: 7 });
  });

  it.each([
    ['an empty frame', ''],
    ['a type of sync that there is not', '00 03 00'],
    ['a length beyond the frame', '00 02 7f 01'],
    ['a number that does not end', '00 02 ff ff ff ff ff ff ff ff ff ff ff'],
    ['a number beyond 2^53', '00 02 ff ff ff ff ff ff ff ff 7f'],
    ['awareness of more client ids than there are', '01 02 7f 05'],
    ['awareness of a million client ids', '01 03 c0 84 3d'],
  ])('is closed by %s (4400)', async (_title, hex) => {
    const { client } = await joined();
    client.send(hex);
    expect(await client.closed).toEqual({ code: 4400, reason: 'bad_message' });
  });

  it('is closed by a text frame, and by a frame that is too large (1009)', async () => {
    const texting = await joined();
    texting.client.socket.send('{"t":"login"}');
    expect((await texting.client.closed).code).toBe(4400);
    const large = await joined();
    large.client.socket.send(Buffer.alloc(256 * 1024 + 64 * 1024 + 1));
    expect((await large.client.closed).code).toBe(1009);
  });

  it('passes over messages of a type that it does not know: apps have their own', async () => {
    const { client, native } = await joined();
    client.send('64 01 02');
    client.send('00 02 01 01');
    expect(await native.next()).toMatchObject({ t: 'upd', d: 'AQ==' });
  });

  it('[LIM3] of a page whose origin is not allowed is refused before the upgrade', async () => {
    const client = scripted.connect(`/yjs/a?token=${tokenOf('alice')}`, {
      headers: { origin: 'https://evil.example' },
    });
    expect(await client.refused).toBe(403);
    scripted.connect(`/yjs/a?token=${tokenOf('alice')}`, { headers: { origin: 'https://app.example' } });
    await scripted.nextNative();
  });
});

const byteOf = (data: unknown): number => Buffer.from(String(data), 'base64')[0]!;
