import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StandardSchema, call, defineContract, map, signal, stream } from '@carillon/contract';
import { WebSocket } from 'ws';
import { type CarillonServer, createServer } from '@carillon/server';
import { type Client, type ClientOptions, type Codec, createClient } from '../src/index.ts';

/** Takes everything that is JSON. */
const anything: StandardSchema<unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};
const number: StandardSchema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'expected a number', path: ['n'] }] },
  },
};

export const contract = defineContract({
  channels: {
    'chat:{room}': stream({ data: number, members: true, history: { count: 500 } }),
    'short:{room}': stream({ data: number, history: { count: 5 } }),
    'memory:{room}': stream({ data: number, durability: 'memory' }),
    'silent:{room}': stream({ data: number, echo: false }),
    'slow:{room}': stream({ data: number, rate: { perSecond: 20, burst: 5 } }),
    'closed:{room}': stream({ data: number }),
    'board:{id}': map({ data: number, rate: { perSecond: 100_000, burst: 100_000 } }),
    'cursor:{doc}': signal({ data: number, members: true }),
  },
  calls: {
    add: call({ input: anything, output: number, errors: { negative: number } }),
    never: call({ input: anything, output: anything }),
  },
  clientCalls: { confirm: call({ input: number, output: number, errors: { busy: number } }) },
  broadcasts: { news: number },
});

export type RealServer = {
  readonly server: CarillonServer<typeof contract>;
  readonly port: number;
  /** Calls of `never` that were called off. */
  readonly calledOff: () => number;
  /** A client of this user, and the way to cut its line. */
  client(
    user: string,
    options?: { readonly codec?: Codec; readonly onWire?: ClientOptions['onWire'] },
  ): { readonly client: Client<typeof contract>; cut(): void };
  /** Stops the server and starts it again at the same address. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

/**
 * The server as an app has it in its own process, on a file and on loopback.
 *
 * @param limits of messages that one connection may send; unless given so many that none is refused
 */
export async function startRealServer(
  limits: {
    readonly messagesPerSecond?: number;
    readonly messageBurst?: number;
    readonly sseKeepAliveMs?: number;
  } = {
    messagesPerSecond: 100_000,
    messageBurst: 100_000,
  },
  /** Where pages come from that may connect. */
  allowedOrigins: readonly string[] = [],
): Promise<RealServer> {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-sdk-'));
  const clients: Client<typeof contract>[] = [];
  let calledOff = 0;

  async function start(port: number): Promise<CarillonServer<typeof contract>> {
    const started = await createServer(contract, {
      host: '127.0.0.1',
      port,
      databaseUrl: `sqlite:${join(folder, 'carillon.sqlite')}`,
      // Whoever asks for it has a login that runs out after ten minutes.
      auth: {
        authenticate: ({ token, username }) =>
          token === 'short' ? { user: username, expiresAtMs: Date.now() + 600_000 } : { user: token },
      },
      authorize: {
        'chat:{room}': () => true,
        'short:{room}': () => true,
        'memory:{room}': () => true,
        'silent:{room}': () => true,
        'slow:{room}': () => true,
        'board:{id}': () => true,
        'cursor:{doc}': () => true,
      },
      calls: {
        add(input, { fail }) {
          const sum = (input as number[]).reduce((a, b) => a + b, 0);
          return sum < 0 ? fail('negative', sum) : sum;
        },
        never: (_, context) =>
          new Promise((resolve) => {
            context.signal.addEventListener('abort', () => {
              calledOff++;
              resolve(null);
            });
          }),
      },
      limits,
      allowedOrigins: [...allowedOrigins],
      logging: { level: 'warn' },
    });
    await started.listen();
    return started;
  }

  let server = await start(0);
  const port = server.address!.port;
  return {
    get server() {
      return server;
    },
    port,
    calledOff: () => calledOff,
    client(user, options = {}) {
      let socket: WebSocket | null = null;
      class Cuttable extends WebSocket {
        constructor(url: string, protocols?: string[]) {
          super(url, protocols);
          socket = this;
        }
      }
      const client = createClient<typeof contract>({
        url: `ws://127.0.0.1:${port}/ws`,
        username: user,
        token: user,
        WebSocket: Cuttable,
        ...options,
      });
      clients.push(client);
      client.connect();
      return { client, cut: () => socket?.terminate() };
    },
    async restart() {
      await server.close(0);
      server = await start(port);
    },
    async close() {
      for (const client of clients) client.disconnect();
      await server.close(0);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
