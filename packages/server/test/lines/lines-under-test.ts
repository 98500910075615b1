import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNodeSecrets } from '../../src/adapters/node/secrets.ts';
import { createDoor } from '../../src/gate/door.ts';
import type { Connection } from '../../src/ports/transport.ts';
import type { AskedLine, NodeState, RealtimeNode, TicketRight } from '../../src/runtime/node-api.ts';
import { createLineEntrance } from '../../src/server/line-entrance.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';
import { createVirtualClock, type VirtualClock } from '../runtime/virtual-clock.ts';
import { type Opened, record } from '../websocket/gateway-under-test.ts';

export type LineSettings = {
  readonly origins?: readonly string[];
  readonly connections?: number;
  readonly connectionsPerAddress?: number;
  readonly messageBytes?: number;
  readonly lineBytes?: number;
  readonly lineBytesPerSecond?: number;
  readonly lineBytesBurst?: number;
  /** What another node answers; unless given, there is none. */
  readonly elsewhere?: (node: string, request: unknown) => Promise<AskedLine>;
  /** What a ticket gives; unless given, there are none. */
  readonly right?: TicketRight;
  /** Called while a gateway still opens the connection. */
  readonly onOpen?: (connection: Connection) => void;
};

export type LinesUnderTest = Awaited<ReturnType<typeof startLines>>;

export const NODE_NAME = 'node-a';

/** Both gateways on a real HTTP server, driving a node that only records. Time passes when the test says so. */
export async function startLines(settings: LineSettings = {}) {
  const virtual = createVirtualClock();
  // The end of a turn is a real one: what it waits for comes over sockets.
  const armedWaits: { readonly delayMs: number; readonly resolve: () => void }[] = [];
  const clock: VirtualClock = Object.create(virtual, {
    defer: { value: (run: () => void) => void setImmediate(run) },
    setTimer: {
      value(delayMs: number, fire: () => void) {
        const at = armedWaits.findIndex((wait) => wait.delayMs === delayMs);
        if (at >= 0) armedWaits.splice(at, 1)[0]?.resolve();
        return virtual.setTimer(delayMs, fire);
      },
    },
  }) as VirtualClock;
  const opened: Opened[] = [];
  const openWaits: ((opened: Opened) => void)[] = [];
  const refusals: string[] = [];
  let asked: ((request: unknown) => Promise<unknown>) | null = null;
  const node = {
    state: 'ready' as NodeState,
    lines: {
      name: NODE_NAME,
      serve(answer: (request: unknown) => Promise<unknown>) {
        asked = answer;
      },
      ask: settings.elsewhere ?? (() => Promise.resolve({ result: 'gone' as const })),
    },
    tickets: {
      redeem: () => Promise.resolve({ ok: true, value: settings.right }),
      isGood: () => Promise.resolve(true),
      open: (connection: Connection) => node.open(connection),
    },
    open(connection: Connection) {
      const { entry, link } = record(connection);
      settings.onOpen?.(connection);
      opened.push(entry);
      openWaits.shift()?.(entry);
      return link;
    },
  };
  const limits = {
    messageBytes: settings.messageBytes ?? 64 * 1024,
    lineBytes: settings.lineBytes ?? 128 * 1024,
    sseKeepAliveMs: 8_000,
    pollWaitMs: 25_000,
    pollGapMs: 30_000,
    ticketStreams: 16,
  };
  const door = createDoor({
    origins: settings.origins ?? [],
    trustedProxies: [],
    limits: {
      connections: settings.connections ?? 1_000,
      connectionsPerAddress: settings.connectionsPerAddress ?? 1_000,
      connectsPerSecond: 1_000,
      connectBurst: 1_000,
      lineBytes: limits.lineBytes,
      lineBytesPerSecond: settings.lineBytesPerSecond ?? 1e9,
      lineBytesBurst: settings.lineBytesBurst ?? 1e9,
    },
    state: () => node.state,
    monotonicMs: () => virtual.monotonicMs(),
  });
  const entrance = createLineEntrance({
    node: node as unknown as RealtimeNode,
    door,
    clock,
    secrets: createNodeSecrets(),
    telemetry: { ...silentTelemetry, error: (code) => void refusals.push(code) },
    limits,
  });
  const server = createServer((request, response) => {
    if (!entrance.serve(request, response)) response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    port,
    node,
    door,
    clock,
    refusals,
    entrance,
    /** What another node would have answered here. */
    askedByAnother: (request: unknown) => asked?.(request),
    /** Resolves once somebody waits for so long. */
    armed(delayMs: number): Promise<void> {
      return new Promise((resolve) => armedWaits.push({ delayMs, resolve }));
    },
    /** The next connection that the node is given. */
    nextOpened(): Promise<Opened> {
      return new Promise((resolve) => openWaits.push(resolve));
    },
    async stop(): Promise<void> {
      for (const { connection } of opened) connection.terminate();
      await entrance.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

export type Posted = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
};

export type Posting = Promise<Posted> & {
  /** The client hangs up. */
  drop(): void;
};

/** A request as a client without any library of ours sends it. `body` is sent as it is, or as JSON. */
export function post(
  port: number,
  path: string,
  body: unknown,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Posting {
  const { method = 'POST', headers = {} } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Posted>();
  const request = httpRequest({ port, host: '127.0.0.1', path, method, headers }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (text += chunk));
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: !text.startsWith('{') ? {} : (JSON.parse(text) as Record<string, unknown>),
      }),
    );
  });
  request.on('error', reject);
  request.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
  return Object.assign(promise, { drop: () => void request.destroy() });
}

/** The bytes of a request that asks for a stream. */
export function streamRequest(body: unknown, headers: readonly string[] = []): string {
  const text = JSON.stringify(body);
  return [
    'POST /sse HTTP/1.1',
    'Host: localhost',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...headers,
    `\r\n${text}`,
  ].join('\r\n');
}
