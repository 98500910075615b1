import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** Answers the greeting of a client, and then `INFO` with whatever it is told to say. */
export type LyingRedis = { readonly port: number; close(): Promise<void> };

/** For what no server here can be made to say: versions that are not installed. */
export async function startLyingRedis(info: string): Promise<LyingRedis> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // The client went: that is what it is refused for.
    socket.on('data', (chunk) => {
      for (const [, command] of chunk.toString('latin1').matchAll(/\r\n(HELLO|INFO)\r\n/g)) {
        if (command === 'HELLO') socket.write('%1\r\n$5\r\nproto\r\n:3\r\n');
        else socket.write(`$${info.length}\r\n${info}\r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
