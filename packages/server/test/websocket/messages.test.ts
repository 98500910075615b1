import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  connectRaw,
  type GatewaySettings,
  type Opened,
  type RawPeer,
  runOf,
  startGateway,
  type UnderTest,
} from './gateway-under-test.ts';

let underTest: UnderTest;

async function connected(settings?: GatewaySettings): Promise<{ peer: RawPeer; opened: Opened }> {
  underTest = await startGateway(settings);
  const opening = underTest.nextOpened();
  const peer = await connectRaw(underTest.port);
  return { peer, opened: await opening };
}

afterEach(() => underTest.stop());

const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('what a client sends', () => {
  it('arrives as whole messages, in order: masked, two in a packet, one in pieces', async () => {
    const { peer, opened } = await connected();
    // The masked "Hello" of RFC 6455, section 5.7, twice in one packet.
    peer.send('8185 37fa213d 7f9f4d5158 8185 37fa213d 7f9f4d5158');
    await opened.waitFor('message');
    await opened.waitFor('message');
    for (const byte of ['81', '85', '37', 'fa21', '3d', '7f9f', '4d51', '58']) peer.send(byte);
    await opened.waitFor('message');
    expect(opened.told).toEqual(Array.from({ length: 3 }, () => ({ kind: 'message', text: 'Hello' })));
  });

  it('a message in fragments is one message, with a ping between them answered', async () => {
    const { peer, opened } = await connected();
    peer.send(`0183 00000000 ${hex('Hel')}`);
    peer.send('8984 00000000 70696e67');
    expect((await peer.until(6)).toString('hex')).toBe('8a0470696e67');
    peer.send(`0081 00000000 ${hex('l')} 8081 00000000 ${hex('o')}`);
    expect(await opened.waitFor('message')).toEqual({ kind: 'message', text: 'Hello' });
    expect(opened.told).toHaveLength(1);
  });

  it('a character cut in two by fragments is whole again', async () => {
    const { peer, opened } = await connected();
    peer.send('0102 00000000'.replace('02', '82') + 'e282');
    peer.send('8081 00000000 ac');
    expect(await opened.waitFor('message')).toEqual({ kind: 'message', text: '€' });
  });

  it('a binary frame is told as binary, and the connection goes on', async () => {
    const { peer, opened } = await connected();
    peer.send('8283 00000000 00ff00');
    peer.send(`8182 00000000 ${hex('{}')}`);
    await opened.waitFor('message');
    expect(opened.told).toEqual([
      { kind: 'unspoken', what: 'binary' },
      { kind: 'message', text: '{}' },
    ]);
  });

  it('an empty message is a message', async () => {
    const { peer, opened } = await connected();
    peer.send('8180 00000000');
    expect(await opened.waitFor('message')).toEqual({ kind: 'message', text: '' });
  });

  it('a message of exactly the limit is taken, one byte more closes with 1009', async () => {
    const { peer, opened } = await connected({ messageBytes: 1024 });
    peer.send(`81fe 0400 00000000 ${'61'.repeat(1024)}`);
    expect((await opened.waitFor('message')).text).toBe('a'.repeat(1024));
    peer.send(`81fe 0401 00000000 ${'61'.repeat(1025)}`);
    expect((await peer.until(4)).toString('hex')).toBe('880203f1');
    peer.socket.end();
    await opened.waitFor('closed');
    expect(opened.told.filter(({ kind }) => kind === 'message')).toHaveLength(1);
  });

  it('fragments that together exceed the limit close with 1009', async () => {
    const { peer, opened } = await connected({ messageBytes: 1024 });
    peer.send(`01fe 0400 00000000 ${'61'.repeat(1024)}`);
    peer.send('8081 00000000 61');
    expect((await peer.until(4)).toString('hex')).toBe('880203f1');
    peer.socket.end();
    await opened.waitFor('closed');
    expect(opened.told).toHaveLength(1);
  });

  it('a length beyond all numbers closes with 1009 before anything of it is kept', async () => {
    const { peer } = await connected();
    peer.send('81ff 7fffffffffffffff 00000000');
    expect((await peer.until(4)).toString('hex')).toBe('880203f1');
  });

  it.each<[string, string, string]>([
    ['invalid UTF-8 [MSG4]', '8182 00000000 c328', '03ef'],
    ['an unfinished character', '8182 00000000 e282', '03ef'],
    ['a frame without a mask', '8105 48656c6c6f', '03ea'],
    ['a reserved bit', 'c181 00000000 61', '03ea'],
    ['an opcode that nobody knows', '8381 00000000 61', '03ea'],
    ['a continuation of nothing', '8081 00000000 61', '03ea'],
    ['a new message inside a fragmented one', '0181 00000000 61 8181 00000000 61', '03ea'],
    ['a control frame in fragments', '0981 00000000 61', '03ea'],
    ['a control frame of 126 bytes', '89fe 007e 00000000', '03ea'],
    ['a close code that must not be sent', '8882 00000000 03ed', '03ea'],
    ['a close frame of one byte', '8881 00000000 03', '03ea'],
  ])('%s closes with its code', async (_title, bytes, code) => {
    const { peer, opened } = await connected();
    peer.send(bytes);
    expect((await peer.until(4)).toString('hex')).toBe(`8802${code}`);
    peer.socket.end();
    const { code: told } = await opened.waitFor('closed');
    expect(told).toBeGreaterThan(1001);
    expect(opened.told).toHaveLength(1);
  });

  it('nothing is told behind a violation, and nothing is written behind its close frame', async () => {
    const { peer, opened } = await connected();
    peer.send(`8182 00000000 c328 8182 00000000 ${hex('{}')}`);
    await peer.until(4);
    expect(opened.connection.write(runOf('{"t":"hb"}'))).toBe(0);
    peer.send(`8182 00000000 ${hex('{}')}`);
    peer.socket.end();
    expect((await peer.ended).toString('hex')).toBe('880203ef');
    await opened.waitFor('closed');
    expect(opened.told).toHaveLength(1);
  });
});

describe('what the runtime writes', () => {
  it('is text frames of RFC 6455, header and payload, in order', async () => {
    const { peer, opened } = await connected();
    expect(opened.connection.write(runOf('Hello', '€', ''))).toBe(7 + 5 + 2);
    expect(opened.connection.writing).toBe(false);
    expect((await peer.until(14)).toString('hex')).toBe('810548656c6c6f' + '8103e282ac' + '8100');
  });

  it.each<[number, string]>([
    [125, '817d'],
    [126, '817e007e'],
    [65_535, '817effff'],
    [65_536, '817f0000000000010000'],
    [300_000, '817f00000000000493e0'],
  ])('a message of %i bytes has the header %s', async (length, header) => {
    const { peer, opened } = await connected();
    const text = 'x'.repeat(length);
    const bytes = header.length / 2 + length;
    expect(opened.connection.write(runOf(text))).toBe(bytes);
    const received = await peer.until(bytes);
    expect(received.subarray(0, header.length / 2).toString('hex')).toBe(header);
    expect(received.subarray(header.length / 2).toString()).toBe(text);
  });

  it('a run and its frames are framed once, however many connections they go to', async () => {
    const { peer, opened } = await connected();
    const opening = underTest.nextOpened();
    const second = await connectRaw(underTest.port);
    const other = await opening;
    const run = runOf('one', 'two');
    opened.connection.write(run);
    const made = run.wire;
    const frames = run.frames().map(({ wire }) => wire);
    other.connection.write(run);
    expect(run.wire).toBe(made);
    expect(run.frames().map(({ wire }) => wire)).toEqual(frames);
    expect(frames.every((wire) => wire !== undefined)).toBe(true);
    // A frame that was framed in one run is not framed again in another.
    const again = { length: 1, frames: () => [run.frames()[0]!], wire: undefined, others: undefined };
    other.connection.write(again);
    expect(again.wire).toBe(frames[0]);
    expect((await peer.until(10)).toString('latin1')).toBe('\x81\x03one\x81\x03two');
    expect((await second.until(15)).toString('latin1')).toBe('\x81\x03one\x81\x03two\x81\x03one');
  });

  it('and what `ws` answers by itself never stand inside each other', async () => {
    const { opened } = await connected();
    const opening = underTest.nextOpened();
    const webSocket = new WebSocket(`ws://127.0.0.1:${underTest.port}/ws`);
    const { connection } = await opening;
    const received: string[] = [];
    let pongs = 0;
    const all = Promise.withResolvers<void>();
    const texts = Array.from({ length: 500 }, (_, i) => `${i} ${'ü'.repeat((i * 7919) % 3000)}`);
    const done = (): void => {
      if (received.length === texts.length && pongs === texts.length) all.resolve();
    };
    webSocket.on('error', (error) => all.reject(error));
    webSocket.on('message', (data) => {
      received.push((data as Buffer).toString());
      done();
    });
    webSocket.on('pong', () => {
      pongs++;
      done();
    });
    webSocket.on('open', () => write(0));
    function write(i: number): void {
      if (i === texts.length) return;
      // Fewer pings at once than `ws` lets wait for their pongs, and fewer than are allowed without a message.
      if (i % 100 === 0) webSocket.send('{}');
      webSocket.ping('p'.repeat(i % 126), true, () => setImmediate(write, i + 1));
      connection.write(runOf(texts[i]!));
    }
    await all.promise;
    expect(received).toEqual(texts);
    webSocket.terminate();
    opened.connection.terminate();
  });

  it('to many connections comes to each in the order it was written', async () => {
    underTest = await startGateway();
    const { port, opened } = underTest;
    const peers = await Promise.all(Array.from({ length: 50 }, () => connectRaw(port)));
    const runs = Array.from({ length: 40 }, (_, i) => runOf(`${i}a`, `${i}b`));
    for (const run of runs) for (const { connection } of opened) connection.write(run);
    const expected = runs.flatMap((run) => run.frames().map(({ text }) => text));
    const length = expected.reduce((sum, text) => sum + 2 + text.length, 0);
    for (const peer of peers) {
      const bytes = (await peer.until(length)).toString('latin1');
      expect(bytes).toBe(expected.map((text) => `\x81${String.fromCharCode(text.length)}${text}`).join(''));
      peer.socket.destroy();
    }
  });
});
