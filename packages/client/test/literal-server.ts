import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** One connection as the server's side sees it: texts in and out, word for word. */
export type Peer = {
  /** The next text from the client, in order. */
  next(): Promise<string>;
  send(...texts: string[]): void;
  sendBinary(bytes: Uint8Array): void;
  close(code: number): void;
  /** Cuts the line without a word. */
  cut(): void;
  /** Resolves with the close code once the line is gone. */
  readonly closed: Promise<number>;
};

/** A server on loopback that says only what a test tells it to. */
export type LiteralServer = {
  readonly url: string;
  /** The next connection, in order. */
  peer(): Promise<Peer>;
  stop(): Promise<void>;
};

export async function startLiteralServer(): Promise<LiteralServer> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const peers = queue<Peer>();
  server.on('connection', (socket) => peers.put(peerOf(socket)));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    peer: peers.take,
    async stop() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

function peerOf(socket: WebSocket): Peer {
  const texts = queue<string>();
  socket.on('message', (data: Buffer) => texts.put(data.toString('utf8')));
  return {
    next: texts.take,
    send(...messages) {
      for (const text of messages) socket.send(text);
    },
    sendBinary: (bytes) => socket.send(bytes),
    close: (code) => socket.close(code),
    cut: () => socket.terminate(),
    closed: once(socket, 'close').then(([code]) => code as number),
  };
}

/** What comes before it is asked for waits, and who asks before it comes waits too. */
function queue<T>(): { put(value: T): void; take(): Promise<T> } {
  const values: T[] = [];
  const takers: ((value: T) => void)[] = [];
  return {
    put(value) {
      const taker = takers.shift();
      if (taker === undefined) values.push(value);
      else taker(value);
    },
    take() {
      const value = values.shift();
      return value === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(value);
    },
  };
}
