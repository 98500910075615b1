import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** A line to a server that can lose answers: what is asked still arrives. */
export type LossyLine = {
  readonly port: number;
  /** From now on no answer comes back. Resolves once the server has answered so many bytes that nobody was given. */
  lose(leastBytes: number): Promise<void>;
  /** Ends every connection. */
  cut(): void;
  close(): void;
};

export async function openLossyLine(port: number): Promise<LossyLine> {
  const sockets = new Set<Socket>();
  let losing = false;
  let lost = 0;
  let counted: () => void = () => undefined;
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // Cut on purpose; each side then ends the other.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      if (!losing) client.write(bytes);
      else {
        lost += bytes.length;
        counted();
      }
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async lose(leastBytes) {
      losing = true;
      while (lost < leastBytes) await new Promise<void>((resolve) => (counted = resolve));
    },
    cut,
    close() {
      cut();
      proxy.close();
    },
  };
}
