import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import { announce } from './announce.ts';

/** How long Socket.IO keeps what it may have to send again, as long as Carillon keeps a session. */
const KEPT_MS = 60_000;

/** What its in-memory adapter keeps grows until it is cleaned, by its own default once a minute. */
const RECOVERY = { maxDisconnectionDuration: KEPT_MS, skipMiddlewares: true } as const;

/**
 * Socket.IO as a chat uses it, at its best: WebSocket only, no compression, one room, the payload as it came. With
 * `recovery` it keeps packets to send them again (connection state recovery, its in-memory adapter).
 *
 * Who connects with `room` joins it. `say` is sent on to the room and acknowledged where that is asked; `double`
 * answers a call; `board` answers with an object of so many keys. A line `publish ROOM COUNT TEXT` on stdin does what
 * `say` does, COUNT times.
 */
export function runSocketIoRooms(recovery: boolean): void {
  const http = createServer();
  const io = new Server(http, {
    transports: ['websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    wsEngine: WebSocketServer,
    ...(recovery ? { connectionStateRecovery: RECOVERY } : {}),
  });
  io.on('connection', (socket) => {
    const { room } = socket.handshake.auth as { room?: string };
    if (room !== undefined && !socket.recovered) void socket.join(room);
    socket.on('say', (to: string, payload: { a: string }) => {
      io.to(to).emit('said', payload);
    });
    socket.on('double', ({ n }: { n: number }, answer: (output: { n: number }) => void) =>
      answer({ n: n * 2 }),
    );
    socket.on('board', (keys: number, answer: (board: Record<string, { n: number }>) => void) =>
      answer(boardOf(keys)),
    );
  });
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [, room = '', count = '0', text = ''] = line.split(' ');
    for (let n = 1; n <= Number(count); n++) io.to(room).emit('said', { a: `${text}${n}.` });
  });
  http.listen(0, '127.0.0.1', () => announce(http.address()));
}

const boards = new Map<number, Record<string, { n: number }>>();

function boardOf(keys: number): Record<string, { n: number }> {
  let board = boards.get(keys);
  if (board === undefined) {
    board = Object.fromEntries(Array.from({ length: keys }, (_, n) => [`key ${n}`, { n }]));
    boards.set(keys, board);
  }
  return board;
}
