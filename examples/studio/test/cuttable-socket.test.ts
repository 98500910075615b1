import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket as Accepted, WebSocketServer } from 'ws';
import type { WebSocketLike } from '@carillon/client';
import { type Line, createLine } from '../src/line/cuttable-socket.ts';

let server: WebSocketServer;
let url: string;

beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
});

afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

/** What a socket on the line says, in order. */
function listen(socket: WebSocketLike) {
  const events: string[] = [];
  const opened = new Promise<void>((resolve) => socket.addEventListener('open', () => resolve()));
  const ended = new Promise<void>((resolve) => socket.addEventListener('close', () => resolve()));
  socket.addEventListener('message', ({ data }) => events.push(`message ${String(data)}`));
  socket.addEventListener('error', () => events.push('error'));
  socket.addEventListener('close', ({ code }) => events.push(`close ${code}`));
  return { events, opened, ended };
}

/** A socket on the line and the server's end of it, both open. */
async function connect(line: Line) {
  const accepted = once(server, 'connection') as Promise<[Accepted]>;
  const socket = new line.WebSocket(url);
  const heard = listen(socket);
  const [[peer]] = await Promise.all([accepted, heard.opened]);
  return { socket, peer, ...heard };
}

describe('the line', () => {
  it('carries messages both ways and an orderly close while nobody cuts it', async () => {
    const { socket, peer, events, ended } = await connect(createLine());
    socket.send('up');
    expect(String((await once(peer, 'message'))[0])).toBe('up');
    peer.send('down');
    peer.close(4000);
    await ended;
    expect(events).toEqual(['message down', 'close 4000']);
  });

  it('drops an open socket as a lost network does: 1006 at once, nothing after it', async () => {
    const line = createLine();
    const { socket, peer, events } = await connect(line);
    let received = 0;
    peer.on('message', () => (received += 1));
    peer.send('on its way');
    line.cut();
    socket.send('too late');
    expect(events).toEqual(['error', 'close 1006']);

    // The other end is gone: whatever was in the pipe has been delivered or lost by then.
    await once(peer, 'close');
    expect(received).toBe(0);
    expect(events).toEqual(['error', 'close 1006']);
  });

  it('lets no new socket through until it is mended: error, then 1006, and the server hears nothing', async () => {
    const line = createLine();
    let connections = 0;
    server.on('connection', () => (connections += 1));
    line.cut();
    const { events, ended } = listen(new line.WebSocket(url));
    await ended;
    expect(events).toEqual(['error', 'close 1006']);
    expect(connections).toBe(0);

    line.mend();
    await connect(line);
    expect(connections).toBe(1);
  });

  it('ends an attempt on a cut line at once when it is given up, and says so once', () => {
    const line = createLine();
    line.cut();
    const socket = new line.WebSocket(url);
    const { events } = listen(socket);
    socket.close();
    socket.close();
    expect(events).toEqual(['error', 'close 1006']);
  });

  it('ends the attempts under way when it is mended, while no request passes yet: the network was gone, not the WebSocket', async () => {
    const asked: string[] = [];
    const line = createLine(globalThis.WebSocket, (address) => {
      asked.push(address);
      return Promise.reject(new TypeError('Failed to fetch'));
    });
    line.cut();
    const socket = new line.WebSocket(url);
    const { events } = listen(socket);
    socket.addEventListener('close', () => {
      const { signal } = new AbortController();
      line.fetch('/poll', { method: 'POST', body: '', signal, redirect: 'error' }).catch(() => {});
    });
    line.mend();
    expect(events).toEqual(['error', 'close 1006']);
    expect(asked).toEqual([]);
    await connect(line);
  });

  it('does not touch a socket that closed before the cut', async () => {
    const line = createLine();
    const { peer, events, ended } = await connect(line);
    peer.close(1001);
    await ended;
    line.cut();
    expect(events).toEqual(['close 1001']);
  });

  it('drops requests that are under way and lets no new one through until it is mended', async () => {
    const asked: string[] = [];
    const line = createLine(globalThis.WebSocket, (address, { signal }) => {
      asked.push(address);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    });
    const send = (address: string): Promise<unknown> =>
      line.fetch(address, {
        method: 'POST',
        body: '',
        signal: new AbortController().signal,
        redirect: 'error',
      });
    const underWay = send('/sse');
    line.cut();
    await expect(underWay).rejects.toThrow(TypeError);
    await expect(send('/poll')).rejects.toThrow(TypeError);
    line.mend();
    void send('/sse?again').catch(() => {});
    expect(asked).toEqual(['/sse', '/sse?again']);
    line.cut();
  });
});
