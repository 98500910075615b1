import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createDoor } from '../../src/gate/door.ts';
import { createUpgrades } from '../../src/gate/upgrades.ts';
import { createWebSocketGateway } from '../../src/gateways/websocket/websocket-gateway.ts';
import type { Connection, Frame, FrameRun, Link } from '../../src/ports/transport.ts';
import type { NodeState } from '../../src/runtime/node-api.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';

/** What a gateway told the runtime about one connection, in order. */
export type Told =
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'packed'; readonly hex: string }
  | { readonly kind: 'unspoken'; readonly what: 'binary' | 'text' }
  | { readonly kind: 'drained' }
  | { readonly kind: 'closed'; readonly code: number };

/** One connection as a node sees it: the gateway's side, and a record of what the gateway told. */
export type Opened = {
  readonly connection: Connection;
  readonly told: Told[];
  /** Resolves with the next thing told that fits, from now on or already recorded. */
  waitFor<K extends Told['kind']>(kind: K): Promise<Extract<Told, { kind: K }>>;
};

export type UnderTest = Awaited<ReturnType<typeof startGateway>>;

export type GatewaySettings = {
  readonly origins?: readonly string[];
  readonly trustedProxies?: readonly string[];
  readonly messageBytes?: number;
  readonly connections?: number;
  readonly connectionsPerAddress?: number;
  readonly connectsPerSecond?: number;
  readonly connectBurst?: number;
  /** By which connections of one address are paced. */
  readonly monotonicMs?: () => number;
  /** Called while the gateway still opens the connection. */
  readonly onOpen?: (connection: Connection) => void;
};

/** The gateway on a real HTTP server, driving a node that only records. */
export async function startGateway(settings: GatewaySettings = {}) {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const opened: Opened[] = [];
  const refusals: string[] = [];
  const openWaits: ((opened: Opened) => void)[] = [];
  const node = {
    state: 'ready' as NodeState,
    open(connection: Connection): Link {
      const { entry, link } = record(connection);
      settings.onOpen?.(connection);
      opened.push(entry);
      openWaits.shift()?.(entry);
      return link;
    },
  };
  const door = createDoor({
    origins: settings.origins ?? [],
    trustedProxies: settings.trustedProxies ?? [],
    limits: {
      connections: settings.connections ?? 100_000,
      connectionsPerAddress: settings.connectionsPerAddress ?? 100_000,
      connectsPerSecond: settings.connectsPerSecond ?? 100_000,
      connectBurst: settings.connectBurst ?? 100_000,
      lineBytes: 1,
      lineBytesPerSecond: 1,
      lineBytesBurst: 1,
    },
    state: () => node.state,
    monotonicMs: settings.monotonicMs ?? (() => 0),
  });
  const telemetry = { ...silentTelemetry, error: (code: string) => void refusals.push(code) };
  const upgrades = createUpgrades({ server, telemetry, door });
  const webSockets = createWebSocketGateway({
    ...{ upgrades, path: '/ws', node, door },
    messageBytes: settings.messageBytes ?? 64 * 1024,
  });
  const gateway = {
    get connections(): number {
      return webSockets.connections;
    },
    close(): Promise<void> {
      upgrades.close();
      return webSockets.close();
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    server,
    gateway,
    node,
    port,
    opened,
    refusals,
    /** The next connection that the node is given. */
    nextOpened(): Promise<Opened> {
      return new Promise((resolve) => openWaits.push(resolve));
    },
    async stop(): Promise<void> {
      for (const { connection } of opened) connection.terminate();
      await gateway.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A connection's record, and the link that keeps it. */
export function record(connection: Connection): { entry: Opened; link: Link } {
  const told: Told[] = [];
  const waits: { readonly kind: Told['kind']; readonly resolve: (event: Told) => void }[] = [];
  let seen = 0;
  function tell(event: Told): void {
    told.push(event);
    const at = waits.findIndex((wait) => wait.kind === event.kind);
    if (at < 0) return;
    seen = told.length;
    waits.splice(at, 1)[0]!.resolve(event);
  }
  const entry: Opened = {
    connection,
    told,
    waitFor<K extends Told['kind']>(kind: K) {
      const at = told.findIndex((event, index) => index >= seen && event.kind === kind);
      if (at >= 0) {
        seen = at + 1;
        return Promise.resolve(told[at] as Extract<Told, { kind: K }>);
      }
      return new Promise<Extract<Told, { kind: K }>>((resolve) =>
        waits.push({ kind, resolve: resolve as (event: Told) => void }),
      );
    },
  };
  const link: Link = {
    message: (text) => tell({ kind: 'message', text }),
    packed: (frame) => tell({ kind: 'packed', hex: Buffer.from(frame).toString('hex') }),
    unspoken: (what) => tell({ kind: 'unspoken', what }),
    drained: () => tell({ kind: 'drained' }),
    closed: (code) => tell({ kind: 'closed', code }),
  };
  return { entry, link };
}

/** Frames as the runtime hands them over. */
export function runOf(...texts: readonly string[]): FrameRun {
  const frames: Frame[] = texts.map((text) => ({ text, wire: undefined, others: undefined }));
  return { length: frames.length, frames: () => frames, wire: undefined, others: undefined };
}

/** The request of RFC 6455, section 1.3, whose accept value is `s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`. */
export function upgradeRequest(headers: readonly string[] = [], path = '/ws'): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

/** A socket that keeps every byte it was sent. */
export type RawPeer = {
  readonly socket: Socket;
  /** All bytes behind the answer to the upgrade. */
  bytes(): Buffer;
  /** Resolves once at least so many bytes came behind the answer to the upgrade. */
  until(length: number): Promise<Buffer>;
  /** Resolves once the server has ended its half, with everything behind the answer. */
  readonly ended: Promise<Buffer>;
  /** Status line, headers and, for a refusal, the body. */
  readonly head: string;
  send(hex: string): void;
};

/** Opens a WebSocket by hand, or is refused; resolves once the answer's head is there. */
export async function connectRaw(
  port: number,
  request: string | Uint8Array = upgradeRequest(),
): Promise<RawPeer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  // Joined only when somebody looks: joining at each of thousands of chunks would take a test's whole time.
  let chunks: Buffer[] = [];
  let length = 0;
  let bodyAt = -1;
  const waits: { readonly length: number; readonly resolve: (bytes: Buffer) => void }[] = [];
  const answered = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Buffer>();
  function joined(): Buffer {
    chunks = [Buffer.concat(chunks)];
    return chunks[0]!;
  }
  const rest = (): Buffer => joined().subarray(Math.max(0, bodyAt));
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (bodyAt < 0) {
      const end = joined().indexOf('\r\n\r\n');
      if (end < 0) return;
      bodyAt = end + 4;
      answered.resolve();
    }
    for (let i = waits.length - 1; i >= 0; i--) {
      if (length - bodyAt >= waits[i]!.length) waits.splice(i, 1)[0]!.resolve(rest());
    }
  });
  for (const event of ['end', 'close'] as const) {
    socket.on(event, () => {
      answered.resolve();
      ended.resolve(rest());
    });
  }
  socket.write(request);
  await answered.promise;
  return {
    socket,
    head: joined().subarray(0, Math.max(0, bodyAt)).toString('latin1'),
    ended: ended.promise,
    bytes: rest,
    until(wanted) {
      if (length - bodyAt >= wanted) return Promise.resolve(rest());
      return new Promise((resolve) => waits.push({ length: wanted, resolve }));
    },
    send: (hex) => void socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
  };
}

/** A refusal read whole: the server ends its half behind it. */
export async function refusedWith(port: number, request: string) {
  const peer = await connectRaw(port, request);
  const body = (await peer.ended).toString('utf8');
  peer.socket.destroy();
  return { status: Number(peer.head.split(' ')[1]), head: peer.head, body };
}
