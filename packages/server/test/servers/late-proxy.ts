import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A line on which what was sent can arrive late: after its sender gave it up, and sent something else on another. */
export type LateProxy = {
  readonly port: number;
  /** From now on the open connections carry nothing to the server; new ones do. */
  hold(): void;
  /**
   * Carries what was held to the server, also where the client's end is closed by now.
   *
   * @returns how many bytes, once the server has answered each connection that held some
   */
  release(): Promise<number>;
  close(): void;
};

type Pair = { readonly server: Socket; held: Buffer[] | null; bytes: number };

/** @param to the port of the server behind it */
export async function startLateProxy(to: number): Promise<LateProxy> {
  const pairs = new Set<Pair>();
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(to, '127.0.0.1');
    const pair: Pair = { server, held: null, bytes: 0 };
    pairs.add(pair);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    client.on('data', (data: Buffer) => {
      if (pair.held === null) server.write(data);
      else {
        pair.held.push(data);
        pair.bytes += data.length;
      }
    });
    client.on('close', () => {
      // What is held outlives the connection that it was sent on.
      if (pair.held === null) server.destroy();
    });
    server.on('data', (data: Buffer) => void (client.destroyed || client.write(data)));
    server.on('close', () => {
      client.destroy();
      pairs.delete(pair);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    hold() {
      for (const pair of pairs) pair.held ??= [];
    },
    async release() {
      let bytes = 0;
      for (const { server, held, bytes: size } of [...pairs]) {
        if (held === null || size === 0) continue;
        bytes += size;
        const answered = once(server, 'data');
        server.write(Buffer.concat(held));
        await answered;
        server.destroy();
      }
      return bytes;
    },
    close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
