import { createServer } from 'node:http';
import { createClient } from '@redis/client';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import { announce } from './announce.ts';

/**
 * One of several Socket.IO servers over one Redis, at its best: WebSocket only, no compression, the current `ws`. Who
 * connects with `room` joins it, `say` is sent on to the room.
 *
 * @param sharded by sharded pub/sub, with a channel a room ("dynamic", its default), instead of patterns
 */
export async function runSocketIoNode(sharded: boolean, redisUrl: string): Promise<void> {
  const publisher = createClient({ url: redisUrl });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const http = createServer();
  const io = new Server(http, {
    transports: ['websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    wsEngine: WebSocketServer,
    adapter: sharded ? createShardedAdapter(publisher, subscriber) : createAdapter(publisher, subscriber),
  });
  io.on('connection', (socket) => {
    const { room } = socket.handshake.auth as { room?: string };
    if (room !== undefined) void socket.join(room);
    socket.on('say', (to: string, payload: { a: string }) => {
      io.to(to).emit('said', payload);
    });
  });
  http.listen(0, '127.0.0.1', () => announce(http.address()));
}
