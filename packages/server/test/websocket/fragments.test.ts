import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { maskedFrame } from './frames.ts';
import {
  connectRaw,
  type GatewaySettings,
  type Opened,
  type RawPeer,
  startGateway,
  type Told,
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

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type SentMessage = {
  readonly text: string;
  readonly binary: boolean;
  /** Where the bytes of the message are cut into fragments, as shares of its length. */
  readonly cuts: readonly number[];
  readonly mask: Uint8Array;
  readonly pingAfter: number;
};

const sentMessage: fc.Arbitrary<SentMessage> = fc.record({
  // Every length class of a frame, and characters of one to four bytes.
  text: fc.oneof(
    { weight: 20, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
    {
      weight: 1,
      arbitrary: fc.string({ unit: 'binary', minLength: 120, maxLength: 400, size: 'max' }),
    },
  ),
  binary: fc.boolean(),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
  mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  pingAfter: fc.nat({ max: 12 }),
});

/** A message as frames: cut anywhere, also inside a character, with a ping behind one of the fragments. */
function framesFor({ text, binary, cuts, mask, pingAfter }: SentMessage): Buffer {
  const payload = Buffer.from(text);
  const ends = [...cuts.map((cut) => Math.floor(cut * payload.length)), payload.length].sort((a, b) => a - b);
  const frames: Buffer[] = [];
  let from = 0;
  for (const [i, end] of ends.entries()) {
    const opcode = i > 0 ? 'continuation' : binary ? 'binary' : 'text';
    frames.push(maskedFrame(opcode, payload.subarray(from, end), { fin: i === ends.length - 1, mask }));
    if (i === pingAfter) frames.push(maskedFrame('ping', Buffer.from('?'), { mask }));
    from = end;
  }
  return Buffer.concat(frames);
}

describe('fragments', () => {
  const BATCH = 100;

  it('10,000 messages, cut at random into frames and the frames into packets, arrive as they were sent', async () => {
    const { peer, opened } = await connected();
    let toldBefore = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(sentMessage, { minLength: BATCH, maxLength: BATCH, size: 'max' }),
        fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 }),
        async (messages, pieces) => {
          const bytes = Buffer.concat(messages.map(framesFor));
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const length = pieces[i % pieces.length]!;
            peer.socket.write(bytes.subarray(at, at + length));
            at += length;
            // The packet goes out by itself, and is read by itself.
            if (i % 8 === 0) await nextTurn();
          }
          // What was told is waited for, not guessed by time; a connection that broke off ends the waiting.
          while (opened.told.length < toldBefore + BATCH && opened.told.at(-1)?.kind !== 'closed')
            await nextTurn();
          const told = opened.told.slice(toldBefore);
          toldBefore = opened.told.length;
          const expected: Told[] = messages.map(({ text, binary }) =>
            binary ? { kind: 'unspoken', what: 'binary' } : { kind: 'message', text },
          );
          expect(told).toEqual(expected);
        },
      ),
      // Nothing to shrink towards: the connection of a failed run is not what it was.
      { numRuns: 10_000 / BATCH, endOnFailure: true },
    );
  });

  it('256 of one message are taken, one more closes with 1008', async () => {
    const { peer, opened } = await connected();
    const fragments = (count: number): Buffer =>
      Buffer.concat(
        Array.from({ length: count }, (_, i) =>
          maskedFrame(i === 0 ? 'text' : 'continuation', Buffer.from('x'), { fin: i === count - 1 }),
        ),
      );
    peer.socket.write(fragments(256));
    expect((await opened.waitFor('message')).text).toBe('x'.repeat(256));
    peer.socket.write(fragments(257));
    expect((await peer.until(4)).toString('hex')).toBe('880203f0');
    peer.socket.end();
    await opened.waitFor('closed');
    expect(opened.told.map(({ kind }) => kind)).toEqual(['message', 'closed']);
  });

  it('a message that comes a byte a packet closes with 1008 long before it is whole', async () => {
    const { peer, opened } = await connected();
    const frame = maskedFrame('text', Buffer.alloc(60_000, 'x'));
    peer.socket.setNoDelay();
    let sent = 0;
    while (peer.bytes().length === 0 && sent < frame.length) {
      peer.socket.write(frame.subarray(sent, ++sent));
      await nextTurn();
      await nextTurn();
    }
    expect(peer.bytes().toString('hex')).toBe('880203f0');
    expect(sent).toBeLessThan(10_000);
    peer.socket.end();
    await opened.waitFor('closed');
    expect(opened.told).toHaveLength(1);
  });
});

describe('pings and pongs', () => {
  const ping = maskedFrame('ping', Buffer.from('?'));
  const pong = maskedFrame('pong', Buffer.alloc(0));
  const message = maskedFrame('text', Buffer.from('{}'));

  it.each([
    ['pings', ping],
    ['pongs that nobody asked for', pong],
  ])('without end (%s) close with 4102, a message between them goes on', async (_title, frame) => {
    const { peer, opened } = await connected();
    let answered = 0;
    // In portions: with more than 60 that wait for their pongs `ws` itself ends the connection.
    const flood = async (count: number): Promise<void> => {
      for (let left = count; left > 0; left -= 32) {
        const portion = Math.min(left, 32);
        peer.socket.write(Buffer.concat(Array.from({ length: portion }, () => frame)));
        if (frame === ping) await peer.until((answered += portion) * 3);
      }
    };
    await flood(128);
    peer.socket.write(message);
    await opened.waitFor('message');
    await flood(128);
    peer.socket.write(message);
    await opened.waitFor('message');
    await flood(129);
    const closing = Buffer.from('880e1006' + Buffer.from('rate_limited').toString('hex'), 'hex');
    const received = await peer.until(answered * 3 + closing.length);
    expect(received).toEqual(Buffer.concat([Buffer.from('8a013f'.repeat(answered), 'hex'), closing]));
    peer.send('8882 00000000 1006');
    peer.socket.end();
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 4102 });
    expect(opened.told.map(({ kind }) => kind)).toEqual(['message', 'message', 'closed']);
  });
});
