import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { type ErrorCode, JSON_SUBPROTOCOL, PACKED_SUBPROTOCOL } from '@carillon/protocol';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { Door } from '../../gate/door.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { type UpgradeSource, watchOwedResponses } from './owed-responses.ts';
import { refuseUpgrade } from './refusal.ts';
import { CLOSE_TIMEOUT_MS, SocketConnection } from './socket-connection.ts';

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

export type WebSocketGatewayOptions = {
  readonly server: UpgradeSource;
  readonly path: string;
  readonly node: Pick<RealtimeNode, 'open'>;
  readonly telemetry: Telemetry;
  readonly door: Door;
  readonly messageBytes: number;
};

export type WebSocketGateway = {
  readonly connections: number;
  /** Takes nobody any more, waits for the close handshakes that are under way, then ends what is left. */
  close(): Promise<void>;
};

/** Where WebSocket clients enter: `/ws`, RFC 6455, JSON or MessagePack, no compression. */
export function createWebSocketGateway(options: WebSocketGatewayOptions): WebSocketGateway {
  const { server, path, node, door, messageBytes, telemetry } = options;
  const owed = watchOwedResponses(server);
  const connections = new Map<WebSocket, SocketConnection>();
  let closing: Promise<void> | null = null;
  let allGone: (() => void) | null = null;

  const webSockets = new WebSocketServer({
    noServer: true,
    // Tracking costs a closure for each connection.
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: subprotocolOf,
    maxPayload: messageBytes,
    maxFragments: partsOf(messageBytes, MIN_FRAGMENT_BYTES),
    maxBufferedChunks: partsOf(messageBytes, MIN_PIECE_BYTES),
    // A message is a turn of its own anyway; without this, `ws` waits for the next one between two of a packet.
    allowSynchronousEvents: true,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0]);

  webSockets.on('wsClientError', (error, socket, request) => {
    refuse(socket, request.method === 'GET' ? 'bad_message' : 'method_not_allowed', error.message);
  });

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until `ws` has taken it over nobody listens, and a reset would end the process.
    socket.on('error', ignoreReset);
    if (owed.owes(socket)) {
      // Neither a WebSocket nor a refusal would stand where the client expects it.
      socket.destroy();
      return;
    }
    const misfit = misfitOf(request);
    if (misfit !== undefined) {
      refuse(socket, misfit);
      return;
    }
    const knock = door.knock(request);
    if (!knock.ok) {
      refuse(socket, knock.code, undefined, knock.retryAfterMs);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => open(webSocket, socket, knock.address));
  }

  function refuse(socket: Duplex, code: ErrorCode, message?: string, retryAfterMs?: number): void {
    telemetry.error(code);
    refuseUpgrade(socket, code, message, retryAfterMs);
  }

  function misfitOf({ url = '', headers }: IncomingMessage): ErrorCode | undefined {
    const query = url.indexOf('?');
    if ((query < 0 ? url : url.slice(0, query)) !== path) return 'not_found';
    // Version 8, which `ws` still takes, names its origin in another header, so that the door would not see it.
    return headers['sec-websocket-version'] === '8' ? 'bad_message' : undefined;
  }

  function open(webSocket: WebSocket, socket: Duplex, address: string): void {
    if (!(socket instanceof Socket)) {
      webSocket.terminate();
      return;
    }
    socket.removeListener('error', ignoreReset);
    const connection = new SocketConnection(door.enter(address), address, webSocket, socket);
    connections.set(webSocket, connection);
    webSocket.on('message', onMessage);
    webSocket.on('ping', onControlFrame);
    webSocket.on('pong', onControlFrame);
    webSocket.on('error', onError);
    webSocket.on('close', onClose);
    connection.drive(node.open(connection));
  }

  // Shared by all connections, which find their own by `this`: closures would cost each some hundred bytes more.

  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    connections.get(this)?.received(data, isBinary);
  }

  function onControlFrame(this: WebSocket): void {
    connections.get(this)?.receivedControlFrame();
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
    server.removeListener('upgrade', upgrade);
    owed.stop();
    if (connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    allGone = resolve;
    const impatient = setTimeout(() => {
      for (const connection of connections.values()) connection.terminate();
    }, CLOSE_TIMEOUT_MS);
    await promise;
    clearTimeout(impatient);
  }

  server.on('upgrade', upgrade);

  return {
    get connections() {
      return connections.size;
    },
    close: () => (closing ??= end()),
  };
}

/**
 * The first that we speak, in the order of the client's wishes. Left to itself `ws` agrees to whatever is asked for
 * first; a client that insists on another fails.
 */
function subprotocolOf(asked: ReadonlySet<string>): string | false {
  for (const name of asked) if (name === PACKED_SUBPROTOCOL || name === JSON_SUBPROTOCOL) return name;
  return false;
}

function partsOf(messageBytes: number, partBytes: number): number {
  return Math.max(ALWAYS_ALLOWED, Math.ceil(messageBytes / partBytes));
}

/** `ws` closes the socket with the code that fits (1002, 1007, 1008, 1009) by itself; `close` follows. */
function onError(): void {
  return undefined;
}

/** The socket ends anyway. */
function ignoreReset(): void {
  return undefined;
}
