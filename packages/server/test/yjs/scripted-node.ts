import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { type RawData, WebSocket } from 'ws';
import { createDoor } from '../../src/gate/door.ts';
import { createUpgrades } from '../../src/gate/upgrades.ts';
import { createHocuspocusGateway } from '../../src/gateways/yjs/hocuspocus-gateway.ts';
import { createYWebsocketGateway } from '../../src/gateways/yjs/y-websocket-gateway.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';
import { createTestClock } from '../../src/testing/kit/test-clock.ts';
import type { Connection, Frame } from '../../src/ports/transport.ts';

export type NativeMessage = { readonly t: string; readonly i?: number; readonly [field: string]: unknown };

/** One native connection, whose server's side the test plays. */
export type Native = {
  readonly connection: Connection;
  readonly sent: NativeMessage[];
  /** The next message that was not looked at yet. */
  next(): Promise<NativeMessage>;
  /** All at once, as one write. */
  say(...messages: readonly object[]): void;
  frames(...frames: readonly Frame[]): void;
  readonly closedWith: number[];
  drained: number;
};

export const frameOf = (message: object): Frame => ({
  text: JSON.stringify(message),
  wire: undefined,
  others: undefined,
});

export type Scripted = Awaited<ReturnType<typeof startScripted>>;

/** Both gateways on a real HTTP server, in front of a node that the test plays. */
export async function startScripted({ burst = 100 }: { readonly burst?: number } = {}) {
  const http = createServer((_request, response) => response.writeHead(404).end());
  const clock = createTestClock();
  const natives: Native[] = [];
  const opened: ((native: Native) => void)[] = [];
  const node = {
    open(connection: Connection) {
      const sent: NativeMessage[] = [];
      const waits: ((message: NativeMessage) => void)[] = [];
      let seen = 0;
      const native: Native = {
        ...{ connection, sent, closedWith: [], drained: 0 },
        next() {
          const message = sent[seen++];
          if (message !== undefined) return Promise.resolve(message);
          return new Promise((resolve) => waits.push(resolve));
        },
        say: (...messages) => native.frames(...messages.map(frameOf)),
        frames(...frames) {
          connection.write({
            ...{ length: frames.length, wire: undefined, others: undefined },
            frames: () => frames,
          });
        },
      };
      natives.push(native);
      opened.shift()?.(native);
      return {
        message(text: string) {
          const message = JSON.parse(text) as NativeMessage;
          sent.push(message);
          waits.shift()?.(message);
        },
        packed: () => undefined,
        unspoken: () => undefined,
        drained: () => void native.drained++,
        closed: (code: number) => void native.closedWith.push(code),
      };
    },
  };
  const door = createDoor({
    origins: ['https://app.example'],
    trustedProxies: [],
    limits: {
      connections: 1_000,
      connectionsPerAddress: 1_000,
      connectsPerSecond: 1_000,
      connectBurst: 1_000,
      lineBytes: 1,
      lineBytesPerSecond: 1,
      lineBytesBurst: 1,
    },
    state: () => 'ready',
    monotonicMs: () => clock.monotonicMs(),
  });
  const upgrades = createUpgrades({ server: http, telemetry: silentTelemetry, door });
  const options = {
    ...{ upgrades, door, node, clock, loginTimeoutMs: 10_000, messageBytes: 64 * 1024 },
    names: { pattern: 'doc:{id}', parameter: 'id', updateBytes: 256 * 1024 },
    rate: { perSecond: 50, burst },
  };
  const yjs = createYWebsocketGateway(options);
  const hocuspocus = createHocuspocusGateway(options);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const clients: WebSocket[] = [];

  return {
    ...{ clock, natives, port, door, yjs, hocuspocus },
    /** The next native connection that is opened. */
    nextNative: () => new Promise<Native>((resolve) => opened.push(resolve)),
    connect(path: string, options: { readonly protocols?: string[]; readonly headers?: object } = {}) {
      const { protocols = [], headers = {} } = options;
      const client = rawClient(
        new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers: { ...headers } }),
      );
      clients.push(client.socket);
      return client;
    },
    async stop(): Promise<void> {
      upgrades.close();
      for (const client of clients) client.terminate();
      await Promise.all([yjs.close(), hocuspocus.close()]);
      http.closeAllConnections();
      http.close();
    },
  };
}

export type RawClient = ReturnType<typeof rawClient>;

/** A client that sends and gets bytes, written in hex. */
function rawClient(socket: WebSocket) {
  const got: string[] = [];
  const waits: (() => void)[] = [];
  const closed = Promise.withResolvers<{ readonly code: number; readonly reason: string }>();
  socket.on('message', (data: RawData) => {
    got.push((data as Buffer).toString('hex'));
    for (const wake of waits.splice(0)) wake();
  });
  const refused = Promise.withResolvers<number | undefined>();
  socket.on('unexpected-response', (_request, { statusCode }) => refused.resolve(statusCode));
  socket.on('error', () => undefined);
  socket.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }));
  return {
    socket,
    /** What came and was not taken yet. */
    got,
    closed: closed.promise,
    /** The HTTP status that it was refused with. */
    refused: refused.promise,
    async open(): Promise<void> {
      if (socket.readyState !== WebSocket.OPEN) await once(socket, 'open');
    },
    send: (hex: string): void => socket.send(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    /** The next messages are these. */
    async gets(...hex: readonly string[]): Promise<void> {
      while (got.length < hex.length) await new Promise<void>((resolve) => waits.push(resolve));
      expect(got.splice(0, hex.length)).toEqual(hex.map((one) => one.replaceAll(' ', '')));
    },
  };
}

/** A token whose signature nobody looks at here. */
export function tokenOf(user: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256' })}.${part({ sub: user })}.c2lnbmF0dXJl`;
}

/** What a node says of a login that worked. */
export const TOKEN = {
  ...{ t: 'token', token: 'r', session: 's', v: 1, resumed: false, at: 1, graceMs: 60_000, hbMs: 30_000 },
  s: 'Online',
};
