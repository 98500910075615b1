import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { runOf } from '../websocket/gateway-under-test.ts';
import { type LinesUnderTest, post, startLines } from './lines-under-test.ts';

/** How often the streams are looked at, ms ([TKT3]: one that is not read for 30 s is ended). */
const LOOK_MS = 10_000;

const RIGHT = {
  ...{
    id: 'x',
    user: 'ann',
    channel: 'chat:1',
    session: null,
    grant: 'signed',
    proof: 'proof',
    isMap: false,
  },
  ...{ isByRule: false, issuedAtMs: 0, useByMs: 60_000, expiresAtMs: 600_000 },
};

let lines: LinesUnderTest;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await lines.stop();
});

async function follow(): Promise<Socket> {
  const socket = connect(lines.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.write('GET /sse?ticket=t HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'readable');
  return socket;
}

/** Lets the promises that a look waits for settle. */
async function look(): Promise<void> {
  await lines.clock.advance(LOOK_MS);
}

describe('a stream by ticket', () => {
  it('[TKT3] that nobody reads is ended at the third look that finds it so, and nothing is written to it meanwhile', async () => {
    lines = await startLines({ right: RIGHT });
    const opening = lines.nextOpened();
    const socket = await follow();
    const { connection } = await opening;
    const text = `{"t":"p","c":"chat:1","o":1,"ts":1,"d":"${'x'.repeat(1_000_000)}"}`;
    // The kernel takes some of it; what is over is what nobody reads.
    let written = 0;
    while (!connection.writing) {
      written += connection.write(runOf(text));
      expect(written).toBeLessThan(64_000_000);
    }
    await look();
    await look();
    expect(lines.door.connections).toBe(1);
    const left = new Promise((resolve) => socket.once('close', resolve));
    await look();
    await expect.poll(() => lines.door.connections).toBe(0);
    socket.resume();
    await left;
  });

  it('[TKT3] that is read late goes on', async () => {
    lines = await startLines({ right: RIGHT });
    const opening = lines.nextOpened();
    const socket = await follow();
    const { connection, told } = await opening;
    const text = `{"t":"p","c":"chat:1","o":1,"ts":1,"d":"${'x'.repeat(1_000_000)}"}`;
    for (let round = 0; round < 3; round++) {
      while (!connection.writing) connection.write(runOf(text));
      await look();
      await look();
      const before = told.length;
      socket.resume();
      await expect.poll(() => told.slice(before).map(({ kind }) => kind)).toContain('drained');
      socket.pause();
      await look();
    }
    expect(lines.door.connections).toBe(1);
  });

  it('an EventSource that may come back later is not told so by a status at which it would give up', async () => {
    lines = await startLines({ right: RIGHT });
    lines.node.state = 'draining';
    const ask = (accept: string) =>
      post(lines.port, '/sse?ticket=t', '', { method: 'GET', headers: { accept } });
    const sent = await ask('text/event-stream');
    expect([sent.status, sent.headers['content-type'], sent.body]).toEqual([200, 'text/event-stream', {}]);
    expect(await ask('*/*')).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(lines.refusals).toEqual(['unavailable', 'unavailable']);
    lines.node.state = 'ready';
    // What stays refused is refused.
    const nonsense = await post(lines.port, '/sse?ticket=t&from=5', '', {
      method: 'GET',
      headers: { accept: 'text/event-stream' },
    });
    expect(nonsense).toMatchObject({ status: 400, body: { code: 'bad_message' } });
  });
});
