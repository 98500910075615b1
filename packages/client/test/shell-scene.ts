import { afterEach, beforeEach, expect } from 'vitest';
import { createClientOn } from '../src/client.ts';
import type { Client, ClientOptions, ConnectionChange } from '../src/index.ts';
import { type Platform, hostPlatform } from '../src/platform.ts';
import { type LiteralServer, type Peer, startLiteralServer } from './literal-server.ts';

export const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1763715600000000,"graceMs":60000,"hbMs":30000}';
export const RESUMED =
  '{"t":"token","token":"r2","session":"s_1","v":1,"resumed":true,"at":1763715601000000,"graceMs":60000,"hbMs":30000}';
export const SYNC =
  '{"t":"sync","users":[{"username":"bob","s":"Online","a":"Coding"},{"username":"carol","s":"Offline","ts":1763711000000}]}';

/** Real clients over real sockets, and a server that says only what a test tells it to. */
export type ShellScene = {
  readonly server: LiteralServer;
  /** What the clients reported to the platform. */
  readonly reported: unknown[];
  makeClient(options?: Partial<ClientOptions>): Client;
  /** Connects the client, and answers its login. */
  connect(client: Client, token?: string): Promise<{ readonly peer: Peer; readonly login: string }>;
  /** Stops the server and starts another, elsewhere. */
  stopServer(): Promise<void>;
};

/** Gives each test of a file a scene of its own; fails a test whose clients leave a timer. */
export function shellScene(): ShellScene {
  let server: LiteralServer;
  let clients: Client[] = [];
  let reported: unknown[] = [];
  let timers = 0;

  /** This process as it is, but that pauses are none, and that what is left running can be counted. */
  function platform(): Platform {
    const host = hostPlatform();
    return {
      ...host,
      random: () => 0,
      report: (error) => void reported.push(error),
      setTimer(delayMs, fire) {
        timers++;
        let runs = true;
        const end = (): void => {
          if (runs) timers--;
          runs = false;
        };
        const cancel = host.setTimer(delayMs, () => {
          end();
          fire();
        });
        return () => {
          end();
          cancel();
        };
      },
    };
  }

  beforeEach(async () => {
    server = await startLiteralServer();
    clients = [];
    reported = [];
    timers = 0;
  });

  afterEach(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
    expect(timers, 'a client that is disconnected has no timers').toBe(0);
  });

  return {
    get server() {
      return server;
    },
    get reported() {
      return reported;
    },
    makeClient(options = {}) {
      const given = { url: server.url, username: 'alice', token: 'jwt', ...options };
      const client = createClientOn(platform(), given);
      clients.push(client);
      return client;
    },
    async connect(client, token = TOKEN) {
      const now = told(client, isConnected);
      client.connect();
      const peer = await server.peer();
      const login = await peer.next();
      peer.send(token, SYNC);
      await now;
      return { peer, login };
    },
    async stopServer() {
      await server.stop();
      server = await startLiteralServer();
    },
  };
}

/** Resolves when the status is told that the condition holds for. */
export function told(
  client: Client,
  holds: (change: ConnectionChange) => boolean,
): Promise<ConnectionChange> {
  return new Promise((resolve) => {
    const off = client.onConnection((change) => {
      if (!holds(change)) return;
      off();
      resolve(change);
    });
  });
}

export function isConnected(change: ConnectionChange): boolean {
  return change.status === 'connected';
}
