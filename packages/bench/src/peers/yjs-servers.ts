import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { announce } from './announce.ts';

/** The y-websocket server (`@y/websocket-server`), on `ws` 8 without compression, nothing stored: as fast as it can be. */
export async function runYWebsocket(): Promise<void> {
  const { setupWSConnection } = await import('@y/websocket-server/utils');
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on('connection', (socket, request) => setupWSConnection(socket, request));
  http.listen(0, '127.0.0.1', () => announce(http.address()));
}

/** Hocuspocus with nothing in its way: no extension, nothing stored, no greeting. */
export async function runHocuspocus(): Promise<void> {
  const { Server } = await import('@hocuspocus/server');
  const server = new Server({ port: 0, address: '127.0.0.1', quiet: true, stopOnSignals: false });
  await server.listen();
  announce({ port: server.address.port });
}

/**
 * Bare `ws` that sends each client, when it says `go`, so many text frames of so many bytes, each made once.
 *
 * @param sizes the bytes of each frame, with commas between them
 */
export function runBareState(sizes: string): void {
  const frames = sizes.split(',').map((size) => Buffer.alloc(Number(size), 'a'));
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  sockets.on('listening', () => announce(sockets.address()));
  sockets.on('connection', (socket) => {
    socket.on('message', () => {
      for (const frame of frames) socket.send(frame, { binary: false });
    });
    socket.send('ready');
  });
}
