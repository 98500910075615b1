import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { ErrorCode } from '@carillon/protocol';
import type { Telemetry } from '../../ports/telemetry.ts';
import { createKeyedRate } from '../../runtime/keyed-rate.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { type UpgradeSource, watchOwedResponses } from './owed-responses.ts';
import { countedAddress, peerAddress, trustedProxies } from './peer-address.ts';
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
  readonly node: Pick<RealtimeNode, 'open' | 'state'>;
  readonly telemetry: Telemetry;
  /** Origins of pages that may connect; `*` for all. A client without an origin is no page, and needs a token anyway. */
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly limits: {
    readonly messageBytes: number;
    readonly connections: number;
    readonly connectionsPerAddress: number;
    readonly connectsPerSecond: number;
    readonly connectBurst: number;
  };
  /** A clock that never steps back. */
  readonly monotonicMs: () => number;
};

export type WebSocketGateway = {
  readonly connections: number;
  /** Takes nobody any more, waits for the close handshakes that are under way, then ends what is left. */
  close(): Promise<void>;
};

/** Where WebSocket clients enter: `/ws`, RFC 6455, text frames, no compression. */
export function createWebSocketGateway(options: WebSocketGatewayOptions): WebSocketGateway {
  const { server, path, node, limits, telemetry } = options;
  const isTrusted = trustedProxies(options.trustedProxies);
  const origins = new Set(options.origins);
  const owed = watchOwedResponses(server);
  const perAddress = new Map<string, number>();
  const connects = createKeyedRate({
    perSecond: limits.connectsPerSecond,
    // After a restart everybody of an address comes back at once.
    burst: Math.max(limits.connectBurst, limits.connectionsPerAddress),
  });
  const connections = new Map<WebSocket, SocketConnection>();
  let nextId = 0;
  let closing: Promise<void> | null = null;
  let allGone: (() => void) | null = null;

  const webSockets = new WebSocketServer({
    noServer: true,
    // Tracking costs a closure for each connection.
    clientTracking: false,
    perMessageDeflate: false,
    // Left to itself `ws` agrees to whatever is asked for first. A client that insists on a subprotocol fails.
    handleProtocols: () => false,
    maxPayload: limits.messageBytes,
    maxFragments: partsOf(limits.messageBytes, MIN_FRAGMENT_BYTES),
    maxBufferedChunks: partsOf(limits.messageBytes, MIN_PIECE_BYTES),
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
    const address = peerAddress(request.socket.remoteAddress, request.headers['x-forwarded-for'], isTrusted);
    const refusal = refusalOf(request, address);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    // Last, so that only what would get in counts: whoever is sent away to come back loses nothing by it.
    const waitMs = connects.take(countedAddress(address), options.monotonicMs());
    if (waitMs > 0) {
      refuse(socket, 'rate_limited', undefined, waitMs);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => open(webSocket, socket, address));
  }

  function refuse(socket: Duplex, code: ErrorCode, message?: string, retryAfterMs?: number): void {
    telemetry.error(code);
    refuseUpgrade(socket, code, message, retryAfterMs);
  }

  function refusalOf({ url = '', headers }: IncomingMessage, address: string): ErrorCode | undefined {
    const query = url.indexOf('?');
    if ((query < 0 ? url : url.slice(0, query)) !== path) return 'not_found';
    // Version 8, which `ws` still takes, names its origin in another header, so that the next line would not see it.
    if (headers['sec-websocket-version'] === '8') return 'bad_message';
    const { origin } = headers;
    if (origin !== undefined && !origins.has('*') && !origins.has(origin)) return 'origin_refused';
    if (node.state !== 'ready' || connections.size >= limits.connections) return 'unavailable';
    const fromThere = perAddress.get(countedAddress(address)) ?? 0;
    return fromThere >= limits.connectionsPerAddress ? 'too_many_connections' : undefined;
  }

  function open(webSocket: WebSocket, socket: Duplex, address: string): void {
    if (!(socket instanceof Socket)) {
      webSocket.terminate();
      return;
    }
    socket.removeListener('error', ignoreReset);
    const connection = new SocketConnection(++nextId, address, webSocket, socket);
    connections.set(webSocket, connection);
    const counted = countedAddress(address);
    perAddress.set(counted, (perAddress.get(counted) ?? 0) + 1);
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
    const counted = countedAddress(connection.address);
    const left = (perAddress.get(counted) ?? 1) - 1;
    if (left === 0) perAddress.delete(counted);
    else perAddress.set(counted, left);
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
