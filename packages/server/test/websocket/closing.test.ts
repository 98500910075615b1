import { getEventListeners, once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  connectRaw,
  type Opened,
  type RawPeer,
  runOf,
  startGateway,
  type UnderTest,
} from './gateway-under-test.ts';

let underTest: UnderTest;

async function connected(): Promise<{ peer: RawPeer; opened: Opened }> {
  underTest = await startGateway();
  const opening = underTest.nextOpened();
  const peer = await connectRaw(underTest.port);
  return { peer, opened: await opening };
}

afterEach(() => underTest.stop());

describe('closing', () => {
  it('by the server comes behind what was written, with its code and reason', async () => {
    const { peer, opened } = await connected();
    opened.connection.write(runOf('{"t":"bye"}'));
    opened.connection.close(4205, 'logged_out');
    const received = (await peer.until(2 + 11 + 2 + 12)).toString('hex');
    expect(received).toBe(
      '810b' +
        Buffer.from('{"t":"bye"}').toString('hex') +
        '880c106d' +
        Buffer.from('logged_out').toString('hex'),
    );
    peer.send('8882 00000000 106d');
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 4205 });
    await peer.ended;
  });

  it('by the server is the last thing: later messages of the client are not told, later writes not sent', async () => {
    const { peer, opened } = await connected();
    opened.connection.close(4204, 'replaced');
    expect(opened.connection.write(runOf('late'))).toBe(0);
    peer.send('8181 00000000 61 8281 00000000 61 8182 00000000 c328');
    peer.send('8882 00000000 106c');
    const bytes = await peer.ended;
    expect(bytes.toString('hex')).toBe('880a106c' + Buffer.from('replaced').toString('hex'));
    await opened.waitFor('closed');
    expect(opened.told).toHaveLength(1);
  });

  it('by the client is answered in kind and told with its code', async () => {
    const { peer, opened } = await connected();
    peer.send('8882 00000000 03e8');
    expect((await peer.ended).toString('hex')).toBe('880203e8');
    peer.socket.end();
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 1000 });
  });

  it('by the client without a code is told as 1005, by a drop as 1006', async () => {
    const { peer, opened } = await connected();
    peer.send('8880 00000000');
    expect((await peer.ended).toString('hex')).toBe('8800');
    peer.socket.end();
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 1005 });
    const opening = underTest.nextOpened();
    const dropping = await connectRaw(underTest.port);
    const dropped = await opening;
    dropping.socket.destroy();
    expect(await dropped.waitFor('closed')).toEqual({ kind: 'closed', code: 1006 });
  });

  it('twice, and after the end, does nothing more', async () => {
    const { peer, opened } = await connected();
    opened.connection.close(4000, 'draining');
    opened.connection.close(4001, 'heartbeat_missed');
    peer.send('8882 00000000 0fa0');
    await peer.ended;
    peer.socket.end();
    await opened.waitFor('closed');
    opened.connection.close(4000, 'draining');
    opened.connection.terminate();
    expect(opened.told).toEqual([{ kind: 'closed', code: 4000 }]);
  });

  it('inside `open` works: the node may refuse at once', async () => {
    underTest = await startGateway({
      onOpen(connection) {
        connection.write(runOf('{"t":"bye"}'));
        connection.close(4000, 'draining');
      },
    });
    const webSocket = new WebSocket(`ws://127.0.0.1:${underTest.port}/ws`);
    const message = once(webSocket, 'message');
    const [code, reason] = (await once(webSocket, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4000, 'draining']);
    expect(String((await message)[0])).toBe('{"t":"bye"}');
  });

  it('by `terminate` asks nobody: no close frame is sent, no answer waited for', async () => {
    const { peer, opened } = await connected();
    opened.connection.terminate();
    expect((await peer.ended).length).toBe(0);
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 1006 });
  });

  it('a half-open peer is gone at once by `terminate`', async () => {
    const { peer, opened } = await connected();
    peer.socket.pause();
    opened.connection.close(4001, 'heartbeat_missed');
    opened.connection.terminate();
    expect((await opened.waitFor('closed')).kind).toBe('closed');
    expect(underTest.gateway.connections).toBe(0);
    expect(opened.told).toHaveLength(1);
  });
});

describe('closing the gateway', () => {
  it('ends peers that do not answer', async () => {
    const { peer, opened } = await connected();
    peer.socket.pause();
    await underTest.gateway.close();
    expect(opened.told).toEqual([{ kind: 'closed', code: 1006 }]);
  });

  it('twice waits for the same end', async () => {
    const { peer, opened } = await connected();
    const closings = [underTest.gateway.close(), underTest.gateway.close()];
    peer.socket.destroy();
    await Promise.all(closings);
    expect(opened.told).toEqual([{ kind: 'closed', code: 1006 }]);
  });

  it('with nobody connected resolves', async () => {
    underTest = await startGateway();
    await underTest.gateway.close();
    expect(underTest.gateway.connections).toBe(0);
    // The server's own listener alone is left.
    expect(underTest.server.listenerCount('request')).toBe(1);
    expect(underTest.server.listenerCount('upgrade')).toBe(0);
  });
});

describe('after a thousand connections came and went', () => {
  it('no connection, socket, timer or listener is left', async () => {
    const handles = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'Timeout')
        .length;
    const handlesBefore = handles();
    underTest = await startGateway({ connectionsPerAddress: 64 });
    const { port, gateway, server, opened } = underTest;
    const ends: Promise<unknown>[] = [];
    const listenersBefore = server.eventNames().map((name) => [name, getEventListeners(server, name).length]);
    for (let round = 0; round < 20; round++) {
      const webSockets = await Promise.all(
        Array.from({ length: 50 }, async () => {
          const webSocket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
          await once(webSocket, 'open');
          ends.push(once(webSocket, 'close'));
          return webSocket;
        }),
      );
      const mine = opened.slice(-50);
      for (const [i, webSocket] of webSockets.entries()) {
        if (i % 3 === 0) webSocket.close(1000);
        else if (i % 3 === 1) webSocket.terminate();
        else mine[i]!.connection.close(4000, 'draining');
      }
      await Promise.all(mine.map(({ waitFor }) => waitFor('closed')));
    }
    expect(opened).toHaveLength(1_000);
    expect(opened.every(({ told }) => told.length === 1)).toBe(true);
    expect(gateway.connections).toBe(0);
    expect(server.eventNames().map((name) => [name, getEventListeners(server, name).length])).toEqual(
      listenersBefore,
    );
    const { promise, resolve } = Promise.withResolvers<number>();
    server.getConnections((_error, count) => resolve(count));
    expect(await promise).toBe(0);
    await Promise.all(ends);
    expect(handles()).toBeLessThanOrEqual(handlesBefore);
    // Every slot of the address is free again.
    const peers = await Promise.all(Array.from({ length: 64 }, () => connectRaw(port)));
    expect(peers.every(({ head }) => head.startsWith('HTTP/1.1 101 '))).toBe(true);
    for (const peer of peers) peer.socket.destroy();
  });
});
