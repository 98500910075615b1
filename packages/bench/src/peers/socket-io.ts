import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import { announce } from './announce.ts';

/**
 * Socket.IO at its best: WebSocket only, no compression, the current `ws` as its engine, no connection state recovery
 * (it would keep every packet), one room a publisher that its followers are in, the same text in each change.
 */
export function runSocketIo(): void {
  const http = createServer();
  const io = new Server(http, {
    transports: ['websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    wsEngine: WebSocketServer,
  });
  io.on('connection', (socket) => {
    const who = socket.handshake.auth as { follows?: string[]; id?: string };
    if (who.follows !== undefined) void socket.join(who.follows);
    const { id } = who;
    if (id !== undefined) {
      socket.on('statusUpdate', ({ a }: { a: string }) => {
        io.to(id).emit('u', { id, a });
      });
    }
    socket.emit('welcome');
  });
  http.listen(0, '127.0.0.1', () => announce(http.address()));
}
