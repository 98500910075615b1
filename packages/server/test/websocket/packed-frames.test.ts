import { afterEach, describe, expect, it } from 'vitest';
import {
  connectRaw,
  type Opened,
  type RawPeer,
  runOf,
  startGateway,
  type UnderTest,
  upgradeRequest,
} from './gateway-under-test.ts';

let underTest: UnderTest;
afterEach(() => underTest.stop());

const PACKED = upgradeRequest(['Sec-WebSocket-Protocol: carillon.msgpack']);

async function connected(request = PACKED): Promise<{ peer: RawPeer; opened: Opened }> {
  const opening = underTest.nextOpened();
  const peer = await connectRaw(underTest.port, request);
  return { peer, opened: await opening };
}

async function first(): Promise<{ peer: RawPeer; opened: Opened }> {
  underTest = await startGateway();
  return connected();
}

const hex = (text: string): string => Buffer.from(text).toString('hex');
const joined = (...parts: readonly string[]): string => parts.join('').replaceAll(' ', '');

describe('a connection that agreed to carillon.msgpack', () => {
  it('[PACK1] is told what came in binary frames, and that a text frame is not spoken', async () => {
    const { peer, opened } = await first();
    // {"t":"hb"}, masked with zeros, whole and then in two fragments.
    peer.send('8286 00000000 81a174a26862');
    peer.send('0283 00000000 81a174 8083 00000000 a26862');
    peer.send(`818a 00000000 ${hex('{"t":"hb"}')}`);
    await opened.waitFor('unspoken');
    expect(opened.told).toEqual([
      { kind: 'packed', hex: '81a174a26862' },
      { kind: 'packed', hex: '81a174a26862' },
      { kind: 'unspoken', what: 'text' },
    ]);
  });

  it('[PACK1] is written binary frames, one for each message', async () => {
    const { peer, opened } = await first();
    const length = opened.connection.write(runOf('{"t":"hb"}', '{"t":"x","id":"bob","ts":1763715651000}'));
    expect((await peer.until(length)).toString('hex')).toBe(
      joined('8206 81a174a26862', '8218 83 a174a178 a26964a3626f62 a27473 cf0000019aa5a515b8'),
    );
    expect(opened.connection.writing).toBe(false);
  });

  it.each<[number, string]>([
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ])('a message of %i packed bytes has the header %s', async (length, header) => {
    const { peer, opened } = await first();
    // {"d": text}: a map, its key and the head of a text.
    const textHead = length < 300 ? 2 : 3;
    const text = 'x'.repeat(length - 3 - textHead);
    const bytes = header.length / 2 + length;
    expect(opened.connection.write(runOf(JSON.stringify({ d: text })))).toBe(bytes);
    const received = await peer.until(bytes);
    expect(received.subarray(0, header.length / 2).toString('hex')).toBe(header);
    expect(received.subarray(-text.length).toString()).toBe(text);
  });
});

describe('one run to connections of both forms', () => {
  it('is packed once, framed once in each form, and comes to each in its own', async () => {
    const { peer, opened } = await first();
    const other = await connected();
    const text = await connected(upgradeRequest());
    const run = runOf('{"t":"hb"}', '{"t":"u","id":"b"}');
    for (const { opened: each } of [text, { opened }, other]) each.connection.write(run);
    const made = run.others?.packed;
    const frames = run.frames().map(({ others }) => others?.packed);
    expect(frames.every((bytes) => bytes !== undefined)).toBe(true);
    opened.connection.write(run);
    expect(run.others?.packed).toBe(made);
    // A frame that was packed in one run is not packed again in another.
    const again = {
      length: 1,
      frames: () => [run.frames()[0]!],
      wire: undefined,
      others: undefined,
    } as ReturnType<typeof runOf>;
    opened.connection.write(again);
    expect(again.others?.packed).toBe(frames[0]);
    const packed = joined('8206 81a174a26862', '820a 82a174a175a26964a162');
    expect((await other.peer.until(20)).toString('hex')).toBe(packed);
    expect((await peer.until(48)).toString('hex')).toBe(joined(packed, packed, '8206 81a174a26862'));
    expect((await text.peer.until(32)).toString('latin1')).toBe(
      '\x81\x0a{"t":"hb"}\x81\x12{"t":"u","id":"b"}',
    );
  });

  it('where all speak JSON nothing is packed, and no room is made for it', async () => {
    underTest = await startGateway();
    const { peer, opened } = await connected(upgradeRequest());
    const run = runOf('{"t":"hb"}');
    opened.connection.write(run);
    await peer.until(12);
    expect([run.others, run.frames()[0]!.others]).toEqual([undefined, undefined]);
  });
});
