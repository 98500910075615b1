import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a server that can fall silent without breaking. */
export type DeafProxy = {
  readonly port: number;
  /** Connections that were opened through it, so far. */
  readonly opened: number;
  /** From now on whatever the server says on the connections that there are is swallowed. New ones are heard. */
  fallSilent(): void;
  close(): Promise<void>;
};

export async function startDeafProxy(target: number): Promise<DeafProxy> {
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  const upstreams = new Set<Socket>();
  let opened = 0;
  const server = createServer((client) => {
    opened++;
    const upstream = connect(target, '127.0.0.1');
    upstreams.add(upstream);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // An end that goes takes the other with it; why is told by what the test sees.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
        upstreams.delete(upstream);
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      if (!silent.has(upstream)) client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get opened() {
      return opened;
    },
    fallSilent() {
      for (const upstream of upstreams) silent.add(upstream);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
