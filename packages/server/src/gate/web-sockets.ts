import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Door } from './door.ts';
import { acceptUpgrade, type Upgrade, type Upgrades } from './upgrades.ts';

/** How long a peer has to answer a close frame before the socket is ended. */
export const CLOSE_TIMEOUT_MS = 2_000;

/**
 * How small the fragments of a message of the largest size may be on average. Browsers send none; each costs a buffer,
 * and keeps the packet it came in.
 */
const MIN_FRAGMENT_BYTES = 256;

/**
 * The same for the pieces that the network makes of a frame. A piece keeps 200 bytes of heap and up to 1 KB of memory
 * until the frame is whole: one byte a packet would make a message of 64 KB cost 64 MB, before anybody has logged in.
 */
const MIN_PIECE_BYTES = 64;

/** Fragments or pieces that are no attack however small they are. */
const ALWAYS_ALLOWED = 256;

/** What a gateway has of one WebSocket. */
export type Accepted = {
  readonly address: string;
  received(data: RawData, isBinary: boolean): void;
  receivedControlFrame(isPong: boolean): void;
  /** The socket has closed. Called once. */
  gone(code: number): void;
  terminate(): void;
};

export type OpenedSocket = {
  /** No other connection of the node has it. */
  readonly id: number;
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly address: string;
  readonly request: IncomingMessage;
};

export type WebSocketsOptions<C extends Accepted> = {
  readonly upgrades: Upgrades;
  readonly door: Door;
  takes(path: string): boolean;
  /** The largest message; a larger one closes the connection with 1009. */
  readonly messageBytes: number;
  /** Which of the subprotocols that are asked for is agreed to; false: none. */
  subprotocolOf(asked: ReadonlySet<string>): string | false;
  open(opened: OpenedSocket): C;
};

export type WebSockets = {
  readonly connections: number;
  /** Takes nobody any more, waits for the close handshakes that are under way, then ends what is left. */
  close(): Promise<void>;
};

/** The WebSockets of one gateway: RFC 6455, no compression, with bounds on what `ws` would put together in memory. */
export function createWebSockets<C extends Accepted>(options: WebSocketsOptions<C>): WebSockets {
  const { upgrades, door, messageBytes } = options;
  const connections = new Map<WebSocket, C>();
  let closing: Promise<void> | null = null;
  let allGone: (() => void) | null = null;

  const server = new WebSocketServer({
    noServer: true,
    ...boundsOf(messageBytes),
    handleProtocols: (asked) => options.subprotocolOf(asked),
  });

  server.on('wsClientError', (error, socket, request) => {
    upgrades.refuse(socket, request.method === 'GET' ? 'bad_message' : 'method_not_allowed', error.message);
  });

  const unroute = upgrades.route({
    takes: (path) => options.takes(path),
    accept(upgrade) {
      server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (webSocket) =>
        open(webSocket, upgrade),
      );
    },
  });

  function open(webSocket: WebSocket, { socket, address, request }: Upgrade): void {
    acceptUpgrade(socket);
    webSocket.on('message', onMessage);
    webSocket.on('ping', onPing);
    webSocket.on('pong', onPong);
    webSocket.on('error', onError);
    webSocket.on('close', onClose);
    const id = door.enter(address);
    connections.set(webSocket, options.open({ id, webSocket, socket, address, request }));
  }

  // Shared by all connections, which find their own by `this`: closures would cost each some hundred bytes more.

  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    connections.get(this)?.received(data, isBinary);
  }

  function onPing(this: WebSocket): void {
    connections.get(this)?.receivedControlFrame(false);
  }

  function onPong(this: WebSocket): void {
    connections.get(this)?.receivedControlFrame(true);
  }

  function onClose(this: WebSocket, code: number): void {
    const connection = connections.get(this);
    if (connection === undefined) return;
    connections.delete(this);
    door.leave(connection.address);
    connection.gone(code);
    if (connections.size === 0) allGone?.();
  }

  async function end(): Promise<void> {
    unroute();
    if (connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    allGone = resolve;
    const impatient = setTimeout(() => {
      for (const connection of connections.values()) connection.terminate();
    }, CLOSE_TIMEOUT_MS);
    await promise;
    clearTimeout(impatient);
  }

  return {
    get connections() {
      return connections.size;
    },
    close: () => (closing ??= end()),
  };
}

/** What a server of `ws` is bounded by that takes messages of so many bytes. */
export function boundsOf(
  messageBytes: number,
): NonNullable<ConstructorParameters<typeof WebSocketServer>[0]> {
  return {
    // Tracking costs a closure for each connection.
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytes,
    maxFragments: partsOf(messageBytes, MIN_FRAGMENT_BYTES),
    maxBufferedChunks: partsOf(messageBytes, MIN_PIECE_BYTES),
    // A message is a turn of its own anyway; without this, `ws` waits for the next one between two of a packet.
    allowSynchronousEvents: true,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as NonNullable<ConstructorParameters<typeof WebSocketServer>[0]>;
}

function partsOf(messageBytes: number, partBytes: number): number {
  return Math.max(ALWAYS_ALLOWED, Math.ceil(messageBytes / partBytes));
}

/** `ws` closes the socket with the code that fits (1002, 1007, 1008, 1009) by itself; `close` follows. */
function onError(): void {
  return undefined;
}
