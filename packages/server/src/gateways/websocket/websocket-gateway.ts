import type { IncomingMessage, Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { ErrorCode } from '@carillon/protocol';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { peerAddress, trustedProxies } from './peer-address.ts';
import { refuseUpgrade } from './refusal.ts';
import { CLOSE_TIMEOUT_MS, SocketConnection } from './socket-connection.ts';

export type WebSocketGatewayOptions = {
  readonly server: Server;
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
  };
};

export type WebSocketGateway = {
  readonly connections: number;
  /** Waits for the close handshakes that are under way, then ends what is left. */
  close(): Promise<void>;
};

const connectionOf = new WeakMap<WebSocket, SocketConnection>();

/** Where WebSocket clients enter: `/ws`, RFC 6455, text frames, no compression. */
export function createWebSocketGateway(options: WebSocketGatewayOptions): WebSocketGateway {
  const { server, path, node, limits, telemetry } = options;
  const isTrusted = trustedProxies(options.trustedProxies);
  const origins = new Set(options.origins);
  const perAddress = new Map<string, number>();
  const connections = new Set<SocketConnection>();
  let nextId = 0;
  let allGone: (() => void) | null = null;

  const webSockets = new WebSocketServer({
    noServer: true,
    // Tracking costs a closure for each connection.
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    // A message is a turn of its own anyway; without this, `ws` waits for the next one between two of a packet.
    allowSynchronousEvents: true,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0]);

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until `ws` has taken it over nobody listens, and a reset would end the process.
    socket.on('error', ignoreReset);
    const address = peerAddress(request.socket.remoteAddress, request.headers['x-forwarded-for'], isTrusted);
    const refusal = refusalOf(request, address);
    if (refusal !== undefined) {
      telemetry.error(refusal);
      refuseUpgrade(socket, refusal);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => open(webSocket, socket, address));
  }

  function refusalOf(request: IncomingMessage, address: string): ErrorCode | undefined {
    const url = request.url ?? '';
    const query = url.indexOf('?');
    if ((query < 0 ? url : url.slice(0, query)) !== path) return 'not_found';
    const { origin } = request.headers;
    if (origin !== undefined && !origins.has('*') && !origins.has(origin)) return 'origin_refused';
    if (node.state !== 'ready' || connections.size >= limits.connections) return 'unavailable';
    if ((perAddress.get(address) ?? 0) >= limits.connectionsPerAddress) return 'too_many_connections';
    return undefined;
  }

  function open(webSocket: WebSocket, socket: Duplex, address: string): void {
    if (!(socket instanceof Socket)) {
      webSocket.terminate();
      return;
    }
    socket.removeListener('error', ignoreReset);
    const connection = new SocketConnection(++nextId, address, webSocket, socket);
    connections.add(connection);
    perAddress.set(address, (perAddress.get(address) ?? 0) + 1);
    connectionOf.set(webSocket, connection);
    webSocket.on('message', onMessage);
    webSocket.on('error', onError);
    webSocket.on('close', onClose);
    connection.drive(node.open(connection));
  }

  function onClose(this: WebSocket, code: number): void {
    const connection = connectionOf.get(this);
    if (connection === undefined) return;
    connectionOf.delete(this);
    connections.delete(connection);
    const left = (perAddress.get(connection.address) ?? 1) - 1;
    if (left === 0) perAddress.delete(connection.address);
    else perAddress.set(connection.address, left);
    connection.gone(code);
    if (connections.size === 0) allGone?.();
  }

  server.on('upgrade', upgrade);

  return {
    get connections() {
      return connections.size;
    },
    async close() {
      server.removeListener('upgrade', upgrade);
      if (connections.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      allGone = resolve;
      const impatient = setTimeout(() => {
        for (const connection of connections) connection.terminate();
      }, CLOSE_TIMEOUT_MS);
      await promise;
      clearTimeout(impatient);
    },
  };
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  connectionOf.get(this)?.received(data, isBinary);
}

/** `ws` closes the socket with the code that fits (1002, 1007, 1009) by itself; `close` follows. */
function onError(): void {
  return undefined;
}

/** The socket ends anyway. */
function ignoreReset(): void {
  return undefined;
}
