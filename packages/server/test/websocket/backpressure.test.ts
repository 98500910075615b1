import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { framesOf, maskedFrame, OPCODES } from './frames.ts';
import {
  connectRaw,
  type Opened,
  type RawPeer,
  runOf,
  startGateway,
  type UnderTest,
} from './gateway-under-test.ts';

let underTest: UnderTest;

/** More than the kernel keeps for a peer that does not read: by default at most 4 MB to send and 6 MB received. */
const MORE_THAN_THE_KERNEL_TAKES = 24 * 1024 * 1024;

async function deafPeer(): Promise<{ peer: RawPeer; opened: Opened }> {
  underTest = await startGateway();
  const opening = underTest.nextOpened();
  const peer = await connectRaw(underTest.port);
  const opened = await opening;
  peer.socket.pause();
  return { peer, opened };
}

afterEach(() => underTest.stop());

describe('a client that does not read', () => {
  it('keeps `writing` true, and is told drained once it has read again', async () => {
    const { peer, opened } = await deafPeer();
    const { connection } = opened;
    const text = 'x'.repeat(MORE_THAN_THE_KERNEL_TAKES);
    const bytes = connection.write(runOf(text));
    expect(bytes).toBe(10 + text.length);
    expect(connection.writing).toBe(true);
    // Another connection comes, is served and goes: turns pass, and the deaf one still has not read.
    const opening = underTest.nextOpened();
    const other = await connectRaw(underTest.port);
    const { connection: lively } = await opening;
    lively.write(runOf('hello'));
    await other.until(7);
    expect(lively.writing).toBe(false);
    expect(connection.writing).toBe(true);
    expect(opened.told).toEqual([]);
    peer.socket.resume();
    await opened.waitFor('drained');
    expect(connection.writing).toBe(false);
    const received = await peer.until(bytes);
    expect(received.length).toBe(bytes);
    expect(opened.told).toEqual([{ kind: 'drained' }]);
    other.socket.destroy();
  });

  it('gets what is written at drained behind what was written before, and drained comes once a write', async () => {
    const { peer, opened } = await deafPeer();
    const { connection } = opened;
    const big = 'x'.repeat(MORE_THAN_THE_KERNEL_TAKES);
    let total = connection.write(runOf(big));
    peer.socket.resume();
    await opened.waitFor('drained');
    total += connection.write(runOf('behind', 'it'));
    const small = Buffer.from('\x81\x06behind\x81\x02it', 'latin1');
    const received = await peer.until(total);
    expect(received.subarray(-small.length)).toEqual(small);
    peer.socket.pause();
    connection.write(runOf(big));
    expect(connection.writing).toBe(true);
    peer.socket.resume();
    await opened.waitFor('drained');
    expect(opened.told).toEqual([{ kind: 'drained' }, { kind: 'drained' }]);
  });

  it('is told nothing as drained for a write that the kernel took whole', async () => {
    const { peer, opened } = await deafPeer();
    for (let i = 0; i < 10; i++) {
      opened.connection.write(runOf('small'));
      expect(opened.connection.writing).toBe(false);
    }
    peer.socket.resume();
    await peer.until(70);
    peer.socket.destroy();
    await opened.waitFor('closed');
    expect(opened.told.map(({ kind }) => kind)).toEqual(['closed']);
  });

  it('gets whole frames when it pings, is written to and closed in the middle of a write', async () => {
    const { peer, opened } = await deafPeer();
    const { connection } = opened;
    const big = 'x'.repeat(MORE_THAN_THE_KERNEL_TAKES);
    let total = connection.write(runOf(big, 'and more'));
    const pings = Array.from({ length: 40 }, (_, i) => maskedFrame('ping', Buffer.from(`ping ${i}`)));
    peer.socket.write(Buffer.concat([...pings, maskedFrame('text', Buffer.from('pinged'))]));
    await opened.waitFor('message');
    expect(connection.writing).toBe(true);
    peer.socket.resume();
    await opened.waitFor('drained');
    total += connection.write(runOf('behind'));
    peer.socket.pause();
    total += connection.write(runOf(big));
    expect(connection.writing).toBe(true);
    peer.socket.write(maskedFrame('ping', Buffer.from('last')));
    peer.socket.write(maskedFrame('text', Buffer.from('pinged')));
    await opened.waitFor('message');
    connection.close(4002, 'slow_consumer');
    peer.socket.resume();
    const pongBytes = pings.reduce((sum, ping) => sum + ping.length - 4, 0) + 2 + 4;
    const frames = framesOf(await peer.until(total + pongBytes + 2 + 2 + 'slow_consumer'.length));
    const seen = frames.map(({ fin, opcode, payload }) => {
      expect(fin).toBe(true);
      return payload.length === big.length ? [opcode, 'big'] : [opcode, payload.toString('latin1')];
    });
    expect(seen).toEqual([
      [OPCODES.text, 'big'],
      [OPCODES.text, 'and more'],
      ...pings.map((_ping, i) => [OPCODES.pong, `ping ${i}`]),
      [OPCODES.text, 'behind'],
      [OPCODES.text, 'big'],
      [OPCODES.pong, 'last'],
      [OPCODES.close, '\x0f\xa2slow_consumer'],
    ]);
    peer.socket.write(maskedFrame('close', Buffer.from('0fa2', 'hex')));
    peer.socket.end();
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 4002 });
    expect(opened.told.map(({ kind }) => kind)).toEqual(['message', 'drained', 'message', 'closed']);
  });

  it('that goes in the middle of a write is told as closed, never as drained', async () => {
    const { peer, opened } = await deafPeer();
    opened.connection.write(runOf('x'.repeat(MORE_THAN_THE_KERNEL_TAKES)));
    peer.socket.resetAndDestroy();
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 1006 });
    expect(opened.told).toHaveLength(1);
  });

  it('is ended two seconds after a close that it does not answer', async () => {
    const { peer, opened } = await deafPeer();
    opened.connection.write(runOf('x'.repeat(MORE_THAN_THE_KERNEL_TAKES)));
    opened.connection.close(4002, 'slow_consumer');
    await opened.waitFor('closed');
    expect(opened.told).toHaveLength(1);
    peer.socket.resume();
    await peer.ended;
  });

  it('and has closed its half is ended two seconds after a close', async () => {
    const { peer, opened } = await deafPeer();
    opened.connection.write(runOf('x'.repeat(MORE_THAN_THE_KERNEL_TAKES)));
    peer.socket.end();
    await once(peer.socket, 'finish');
    // Whoever comes after it is served only once its end has been seen.
    const next = await connectRaw(underTest.port);
    expect(opened.told).toEqual([]);
    opened.connection.close(4001, 'heartbeat_missed');
    await opened.waitFor('closed');
    expect(opened.told).toHaveLength(1);
    expect(underTest.gateway.connections).toBe(1);
    next.socket.destroy();
  });

  it('is gone at once when terminated, whatever waits to be written', async () => {
    const { opened } = await deafPeer();
    opened.connection.write(runOf('x'.repeat(MORE_THAN_THE_KERNEL_TAKES)));
    opened.connection.terminate();
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 1006 });
    expect(underTest.gateway.connections).toBe(0);
    expect(opened.connection.write(runOf('late'))).toBe(0);
  });
});
