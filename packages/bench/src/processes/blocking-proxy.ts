import { once } from 'node:events';
import { type AddressInfo, createServer, connect, type Socket } from 'node:net';

/** What becomes of WebSockets: they pass, are refused, or are answered and then nothing passes, also on those that are open. */
export type Upgrades = 'pass' | 'refuse' | 'swallow';

/** What lies between one client and the server. */
export type BlockingProxy = {
  readonly port: number;
  upgrades: Upgrades;
  /** When it last let an upgrade pass, ms by `performance.now()`. */
  readonly upgradedAtMs: number;
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
};

/** Clients here send it in one piece. It may follow other requests: `fetch` of Node lends its connections to WebSockets. */
const UPGRADE = /^upgrade: websocket\r$/im;

/** @param to the server's port on loopback */
export async function startBlockingProxy(to: number): Promise<BlockingProxy> {
  const sockets = new Set<Socket>();
  let upgradedAtMs = 0;
  const server = createServer((socket) => {
    const upstream = connect(to, '127.0.0.1');
    let isWebSocket = false;
    // The answer to the upgrade passes always: then the client believes that it is connected.
    let answered = false;
    const swallows = (): boolean => answered && proxy.upgrades === 'swallow';

    sockets.add(socket);
    socket.setNoDelay(true).on('error', () => undefined);
    upstream.setNoDelay(true).on('error', () => undefined);
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      upstream.destroy();
    });
    socket.on('data', (chunk) => {
      if (!isWebSocket && UPGRADE.test(chunk.toString('latin1'))) {
        isWebSocket = true;
        if (proxy.upgrades === 'refuse') {
          socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
          return;
        }
        upgradedAtMs = performance.now();
      }
      if (!swallows()) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!swallows()) socket.write(chunk);
      answered = isWebSocket;
    });
  });

  const proxy: BlockingProxy = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    upgrades: 'pass',
    get upgradedAtMs() {
      return upgradedAtMs;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      proxy.cut();
      server.close();
      await once(server, 'close');
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return proxy;
}
