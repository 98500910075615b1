import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SocketConnection } from '../../src/gateways/websocket/socket-connection.ts';
import type { Frame, FrameRun } from '../../src/ports/transport.ts';
import { framesOf } from './frames.ts';
import { connectRaw, type Opened, type RawPeer, startGateway, type UnderTest } from './gateway-under-test.ts';

// A replay goes to many who come back at once, each behind an answer of their own: what is large in it is shared and
// never copied.

let underTest: UnderTest;
beforeEach(async () => {
  underTest = await startGateway();
});
afterEach(() => underTest.stop());

async function connected(): Promise<{ peer: RawPeer; opened: Opened }> {
  const opening = underTest.nextOpened();
  const peer = await connectRaw(underTest.port);
  return { peer, opened: await opening };
}

const frame = (text: string): Frame => ({ text, wire: undefined, others: undefined });
const run = (...frames: readonly Frame[]): FrameRun => ({
  length: frames.length,
  frames: () => frames,
  wire: undefined,
  others: undefined,
});

const texts = (bytes: Buffer): string[] => framesOf(bytes).map(({ payload }) => payload.toString('latin1'));

describe('a run with large frames', () => {
  it('arrives whole and in its order, wherever they stand in it', async () => {
    const { peer, opened } = await connected();
    const large = ['A', 'B', 'C'].map((letter) => letter.repeat(70_000));
    const sent = ['ok', 'more', large[0]!, large[1]!, 'between', 'them', large[2]!, 'last'];
    const bytes = opened.connection.write(run(...sent.map(frame)));
    expect(bytes).toBe(3 * 70_010 + 'okmorebetweenthemlast'.length + 5 * 2);
    opened.connection.write(run(frame('behind')));
    expect(texts(await peer.until(bytes + 8))).toEqual([...sent, 'behind']);
  });

  it('shares their bytes among all who are owed them, behind whatever else', async () => {
    const replay = frame('x'.repeat(64 * 1024));
    const runs: FrameRun[] = [];
    for (const n of [1, 2, 3]) {
      const { peer, opened } = await connected();
      const own = run(frame(`ok ${n}`), replay);
      runs.push(own);
      const bytes = opened.connection.write(own);
      expect(texts(await peer.until(bytes))).toEqual([`ok ${n}`, replay.text]);
    }
    for (const { wire } of runs) {
      expect(wire).toHaveLength(2);
      expect((wire as readonly Uint8Array[])[1]).toBe(replay.wire);
    }
  });

  it('of less than 8 KiB each is one buffer; one of 8 KiB is a piece of its own', async () => {
    const { opened } = await connected();
    const below = run(frame('ok'), frame('x'.repeat(8 * 1024 - 5)), frame('x'.repeat(8 * 1024 - 5)));
    opened.connection.write(below);
    expect(below.wire).toBeInstanceOf(Uint8Array);
    const at = run(frame('ok'), frame('x'.repeat(8 * 1024 - 4)));
    opened.connection.write(at);
    expect((at.wire as readonly Uint8Array[]).map(({ length }) => length)).toEqual([4, 8 * 1024]);
  });

  it('is handed to the system in one call', () => {
    const calls: number[] = [];
    const socket = new Writable({
      write(_chunk, _encoding, done) {
        calls.push(1);
        done();
      },
      writev(chunks, done) {
        calls.push(chunks.length);
        done();
      },
    });
    const open = { readyState: WebSocket.OPEN } as WebSocket;
    const connection = new SocketConnection(1, '127.0.0.1', open, socket as Socket);
    const large = frame('x'.repeat(10_000));
    connection.write(run(frame('ok'), large, frame('a'), frame('b'), large));
    expect(calls).toEqual([4]);
    connection.write(run(frame('a'), frame('b')));
    expect(calls).toEqual([4, 1]);
    expect(connection.writing).toBe(false);
  });

  it('is one write in flight, drained once, when the peer does not read', async () => {
    const { peer, opened } = await connected();
    const { connection } = opened;
    peer.socket.pause();
    const half = 'x'.repeat(12 * 1024 * 1024);
    const bytes = connection.write(
      run(frame('ok'), frame(half), frame('between'), frame(half), frame('end')),
    );
    expect(connection.writing).toBe(true);
    expect(opened.told).toEqual([]);
    peer.socket.resume();
    await opened.waitFor('drained');
    expect(connection.writing).toBe(false);
    const received = texts(await peer.until(bytes));
    expect(received.map((text) => (text.length > 10 ? text.length : text))).toEqual([
      'ok',
      half.length,
      'between',
      half.length,
      'end',
    ]);
    expect(opened.told).toEqual([{ kind: 'drained' }]);
  });
});
