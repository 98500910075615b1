import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Server as SocketIoServer, Socket } from 'socket.io';
import { WebSocketServer } from 'ws';
import { type ErrorCode, ERRORS } from '@carillon/protocol';
import type { Door } from '../../gate/door.ts';
import { acceptUpgrade, pathOf, type Upgrade, type Upgrades } from '../../gate/upgrades.ts';
import { boundsOf, CLOSE_TIMEOUT_MS } from '../../gate/web-sockets.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Secrets } from '../../ports/secrets.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { createKeyedRate } from '../../runtime/keyed-rate.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { type EngineConnection, watchConnection, type WatchedConnection } from './engine-connection.ts';
import { createNames } from './names.ts';
import { openSocketSession, refusal, type SocketSession } from './socket-session.ts';

/** Where clients of Socket.IO come in. */
export const SOCKETIO_PATH = '/socket.io/';

/** What Engine.IO itself says where it does not know a session (its protocol 4, error 1). */
const UNKNOWN_SESSION = { code: 1, message: 'Session ID unknown' };

/** How long a browser may remember that a page's origin is allowed, s. */
const PREFLIGHT_SECONDS = 7_200;

/**
 * Packets of a connection, as a multiple of its messages: a client's pongs and noops are packets too. What goes beyond is no client of
 * Socket.IO.
 */
export const PACKETS_A_MESSAGE = 4;

/** A balancer that keeps a session at its node names what it goes by; the session's id begins with it. */
const ROUTE_HEADER = 'x-carillon-route';
const ROUTE = /^[0-9a-f]{1,64}$/;

export type SocketIoGatewayOptions = {
  /** The package, which only who uses it has. */
  readonly library: { readonly Server: typeof SocketIoServer };
  readonly node: Pick<RealtimeNode, 'open' | 'sessionsOf'>;
  readonly door: Door;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly secrets: Pick<Secrets, 'token'>;
  readonly telemetry: Telemetry;
  /** The channel of a document, with one parameter. */
  readonly pattern: string;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly loginTimeoutMs: number;
  readonly limits: {
    readonly messageBytes: number;
    readonly messagesPerSecond: number;
    readonly messageBurst: number;
  };
};

export type SocketIoGateway = {
  /** Connections of Engine.IO that are open. */
  readonly connections: number;
  /** Answers a request if it is for Socket.IO. @returns false where it is not */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  takes(path: string): boolean;
  /** Takes WebSockets from now on. */
  open(upgrades: Upgrades): void;
  /** Takes nobody any more, and ends who is left. */
  close(): Promise<void>;
};

/** One connection of Engine.IO. */
type Client = {
  readonly id: number;
  readonly address: string;
  readonly watched: WatchedConnection;
  /** A login was tried: each connection has one. */
  tried: boolean;
  session: SocketSession | null;
};

/** Where clients of Socket.IO 4 enter. Each is a session like any other: behind this file nobody knows the difference. */
export function createSocketIoGateway(options: SocketIoGatewayOptions): SocketIoGateway {
  const { node, door, telemetry, clock, limits } = options;
  const clients = new Map<EngineConnection, Client>();
  /** Whom the door has let in, until Engine.IO has made a connection of the request. */
  const admitted = new WeakMap<IncomingMessage, string>();
  const packets = createKeyedRate({
    perSecond: limits.messagesPerSecond * PACKETS_A_MESSAGE,
    burst: limits.messageBurst * PACKETS_A_MESSAGE,
  });
  const names = createNames(node, clock);
  let allGone: (() => void) | null = null;
  let stopTaking: (() => void) | null = null;
  let closing = false;

  const io = new options.library.Server({
    path: SOCKETIO_PATH,
    serveClient: false,
    transports: ['websocket', 'polling'],
    pingInterval: options.pingIntervalMs,
    pingTimeout: options.pingTimeoutMs,
    connectTimeout: options.loginTimeoutMs,
    upgradeTimeout: options.loginTimeoutMs,
    maxHttpBufferSize: limits.messageBytes,
    // Packing costs each connection its own window, and what is sent is small.
    httpCompression: false,
    perMessageDeflate: false,
    allowEIO3: false,
    // `ws` is ours, with its bounds: Engine.IO sets none but the size.
    wsEngine: boundedServer(limits.messageBytes) as unknown,
  });
  // Requests and upgrades are handed over one by one, behind the door; there is no server for it to listen to.
  io.attach(new EventEmitter() as unknown as HttpServer);
  const engine = io.engine as unknown as EngineServer;
  engine.generateId = (request) => routed(request, options.secrets.token());

  engine.on('connection', (conn: EngineConnection) => {
    const address = admitted.get(conn.request) ?? '';
    const id = door.enter(address);
    const key = String(id);
    const watched = watchConnection(conn, {
      drained: () => client.session?.drained(),
      packet: () => packets.take(key, clock.monotonicMs()) === 0,
      binary: () => client.session?.binary(),
      closed() {
        clients.delete(conn);
        door.leave(address);
        client.session?.closed();
        if (clients.size === 0) allGone?.();
      },
    });
    const client: Client = { id, address, watched, tried: false, session: null };
    clients.set(conn, client);
    if (closing) watched.terminate();
  });

  io.use((socket: Socket, next) => {
    const client = clients.get(socket.conn);
    if (client === undefined || client.tried) {
      next(refusal('already_logged_in'));
      return;
    }
    client.tried = true;
    client.session = openSocketSession(
      socket,
      {
        ...{ node, door, names, id: client.id, address: client.address },
        pattern: options.pattern,
        connection: client.watched,
      },
      (refused) => {
        if (refused !== undefined && client.session === null) telemetry.error('token_invalid');
        next(refused);
      },
    );
  });
  io.on('connection', (socket: Socket) => clients.get(socket.conn)?.session?.connected());

  function receive(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (!door.admitsOrigin(origin)) return refuse(response, 'origin_refused');
    if (origin !== undefined) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-allow-credentials', 'true');
      response.setHeader('vary', 'origin');
    }
    if (request.method === 'OPTIONS') {
      response.writeHead(204, {
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'content-type',
        'access-control-max-age': String(PREFLIGHT_SECONDS),
      });
      response.end();
      return;
    }
    const retryAfterMs = door.weigh(request, bytesOf(request, limits.messageBytes));
    if (retryAfterMs > 0) return refuse(response, 'rate_limited', retryAfterMs);
    const session = sessionOf(request);
    if (session === null) {
      const knock = door.knock(request);
      if (!knock.ok) return refuse(response, knock.code, knock.retryAfterMs);
      admitted.set(request, knock.address);
    } else if (!Object.hasOwn(engine.clients, session)) {
      // 404 and not Engine.IO's 400: a balancer goes on to the next node for it, and does not think this one ill.
      telemetry.error('not_found');
      answer(response, 404, UNKNOWN_SESSION);
      return;
    } else endWith(engine.clients[session], response);
    engine.handleRequest(request, response);
  }

  /** An answer that nobody reads must not outlive the connection that it was for. */
  function endWith(conn: EngineConnection | undefined, response: ServerResponse): void {
    const end = (): void =>
      void setTimeout(() => {
        if (!response.writableFinished) response.destroy();
      }, CLOSE_TIMEOUT_MS).unref();
    conn?.once('close', end);
    response.once('close', () => conn?.removeListener('close', end));
  }

  function refuse(response: ServerResponse, code: ErrorCode, retryAfterMs = 1_000): void {
    telemetry.error(code);
    const { http, retry, help } = ERRORS[code];
    if (retry) response.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1000)));
    answer(response, http, { code, message: help });
  }

  function accept({ request, socket, head, address }: Upgrade): void {
    const session = sessionOf(request);
    if (session === null) {
      if (parameter(request, 'EIO') !== '4') {
        upgrades?.refuse(
          socket,
          'version_unsupported',
          'Engine.IO protocol 4 is spoken here: use Socket.IO 3 or 4',
        );
        return;
      }
      admitted.set(request, address);
    } else if (!Object.hasOwn(engine.clients, session)) {
      upgrades?.refuse(socket, 'not_found', UNKNOWN_SESSION.message);
      return;
    }
    engine.handleUpgrade(request, socket, head);
    acceptUpgrade(socket);
  }

  let upgrades: Upgrades | null = null;
  const takes = (path: string): boolean => path === SOCKETIO_PATH;

  return {
    get connections() {
      return clients.size;
    },
    takes,
    serve(request, response) {
      if (!takes(pathOf(request))) return false;
      try {
        receive(request, response);
      } catch (error) {
        telemetry.warn('request_failed', { error: String(error) });
        response.destroy();
      }
      return true;
    },
    open(given) {
      upgrades = given;
      stopTaking = given.route({ takes, accept });
    },
    async close() {
      closing = true;
      stopTaking?.();
      if (clients.size > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        allGone = resolve;
        for (const { watched } of clients.values()) watched.end();
        await promise;
      }
      engine.close();
    },
  };
}

/** What is used of Engine.IO's server; its own types are not ours to import. */
type EngineServer = EventEmitter & {
  readonly clients: Readonly<Record<string, EngineConnection>>;
  generateId: (request: IncomingMessage) => string;
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  handleUpgrade(request: IncomingMessage, socket: Upgrade['socket'], head: Buffer): void;
  close(): void;
};

/** What Engine.IO makes its WebSockets with: it calls this with `new`. */
function boundedServer(messageBytes: number): () => WebSocketServer {
  return function createBoundedServer() {
    return new WebSocketServer({ ...boundsOf(messageBytes), noServer: true });
  };
}

/** A parameter of the query: the last, where it comes twice, as Engine.IO reads it. */
function parameter({ url = '' }: IncomingMessage, name: string): string | undefined {
  const query = url.indexOf('?');
  return query < 0 ? undefined : new URLSearchParams(url.slice(query + 1)).getAll(name).at(-1);
}

/** Whose request it is; null: it begins one. */
function sessionOf(request: IncomingMessage): string | null {
  const session = parameter(request, 'sid');
  return session === undefined || session === '' ? null : session;
}

/** @returns a session's id, behind what the balancer finds its node by */
function routed({ headers }: IncomingMessage, token: string): string {
  const route = headers[ROUTE_HEADER];
  return typeof route === 'string' && ROUTE.test(route) ? `${route}.${token}` : token;
}

/** What a request's body may be: who does not say it may send the most there is. */
function bytesOf({ method, headers }: IncomingMessage, most: number): number {
  if (method !== 'POST') return 0;
  const said = Number(headers['content-length']);
  return Number.isFinite(said) && said >= 0 ? said : most;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(body));
}
