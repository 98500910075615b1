import { defineContract, stream } from '@carillon/contract';
import { type CarillonServer, createServer } from '@carillon/server';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { expect, vi } from 'vitest';
import * as z from 'zod';
import { temporaryFolder } from '../contract/app-under-test.ts';
import { LOGIN_SECRET, signed } from '../wire/scene/login-token.ts';
import { WAIT_LIMIT_MS, within } from '../wire/scene/within.ts';

// A wait that is in vain must say what it waited for before the test is cut off.
vi.setConfig({ testTimeout: 3 * WAIT_LIMIT_MS, hookTimeout: 2 * WAIT_LIMIT_MS });

export const contract = defineContract({
  channels: {
    'ops:{id}': stream({
      data: z.json(),
      members: true,
      durability: 'memory',
      history: { count: 10_000, units: 64 * 1024 * 1024 },
      rate: { perSecond: 100_000, burst: 100_000 },
    }),
    'plain:{id}': stream({ data: z.json(), durability: 'memory' }),
  },
});

type Settings = Parameters<typeof createServer<typeof contract>>[1];

/** What a client gives of itself, or what gives it at each connect. */
type Auth = object | ((give: (auth: object) => void) => void);

/** A document that its rule lets nobody into, beside those that everybody may edit. */
export const CLOSED = 'closed';

/** A login token that says what the user is called. */
export function tokenOf(user: string, claims: object = {}): Promise<string> {
  return signed(
    { sub: user, name: `${user} by name`, exp: Math.floor(Date.now() / 1000) + 3_600, ...claims },
    LOGIN_SECRET,
  );
}

export type SocketIoScene = {
  readonly server: CarillonServer<typeof contract>;
  readonly url: string;
  /** A client of socket.io-client. It does not reconnect unless it is told to. */
  client(auth: Auth, options?: Partial<ManagerOptions & SocketOptions>): Client;
  /** One that is connected. */
  connect(user: string, options?: Partial<ManagerOptions & SocketOptions>): Promise<Client>;
  close(): Promise<void>;
};

/** A client, and everything it was told. */
export type Client = {
  readonly socket: Socket;
  /** What came of one event, in order: the arguments of each. */
  of(event: string): readonly unknown[][];
  /** The arguments of the next that was not taken yet. */
  next(event: string): Promise<unknown[]>;
  /** Sends an event and waits for its acknowledgement. */
  ask(event: string, ...args: readonly unknown[]): Promise<Record<string, unknown>>;
};

export const TRANSPORTS = ['websocket', 'polling'] as const;

export async function openSocketIoScene(settings: Partial<Settings> = {}): Promise<SocketIoScene> {
  const folder = temporaryFolder();
  const server = await createServer(contract, {
    port: 0,
    databaseUrl: `sqlite:${folder.path}/app.sqlite`,
    auth: { secret: LOGIN_SECRET },
    logging: { level: 'silent' },
    gateways: { socketio: { channel: 'ops:{id}' } },
    authorize: {
      'ops:{id}': ({ params }) => params.id !== CLOSED,
    },
    ...settings,
  });
  const { url } = await server.listen();
  const clients: Client[] = [];

  function client(auth: Auth, options: Partial<ManagerOptions & SocketOptions> = {}): Client {
    const opened = listenTo(
      io(url, { auth, forceNew: true, reconnection: false, transports: ['websocket'], ...options }),
    );
    clients.push(opened);
    return opened;
  }

  return {
    server,
    url,
    client,
    async connect(user, options) {
      const opened = client({ token: await tokenOf(user) }, options);
      await within(
        new Promise<void>((resolve, reject) => {
          opened.socket.once('connect', resolve);
          opened.socket.once('connect_error', reject);
        }),
        `${user} is connected`,
      );
      return opened;
    },
    async close() {
      for (const { socket } of clients) socket.disconnect();
      await server.close(0);
      folder.remove();
    },
  };
}

/** Notes everything that a client is told, from now on. */
export function listenTo(socket: Socket): Client {
  const told: { readonly event: string; readonly args: unknown[]; taken: boolean }[] = [];
  const waits = new Set<() => void>();
  function note(event: string, args: unknown[]): void {
    told.push({ event, args, taken: false });
    for (const wake of waits) wake();
  }
  socket.onAny((event: string, ...args: unknown[]) => note(event, args));
  socket.on('connect_error', (error) => note('connect_error', [error]));
  socket.on('disconnect', (reason) => note('disconnect', [reason]));
  socket.on('connect', () => note('connect', []));
  return {
    socket,
    of: (event) => told.filter((each) => each.event === event).map(({ args }) => args),
    next: (event) =>
      within(
        new Promise<unknown[]>((resolve) => {
          function look(): void {
            const found = told.find((each) => each.event === event && !each.taken);
            if (found === undefined) return;
            found.taken = true;
            waits.delete(look);
            resolve(found.args);
          }
          waits.add(look);
          look();
        }),
        `${event} comes`,
        () => JSON.stringify(told),
      ),
    ask: (event, ...args) =>
      within(
        new Promise((resolve) => void socket.emit(event, ...args, resolve)),
        `${event} is answered`,
        () => JSON.stringify(told),
      ),
  };
}

/** Resolves once nothing of any client is left on the server: connections, sessions, timers. */
export async function nothingLeft({ server }: SocketIoScene): Promise<void> {
  await expect
    .poll(
      () => {
        const { connections, attached, detached, channels, subscriptions } = server.node.counts();
        return { connections, attached, detached, channels, subscriptions };
      },
      { timeout: WAIT_LIMIT_MS },
    )
    .toEqual({ connections: 0, attached: 0, detached: 0, channels: 0, subscriptions: 0 });
}
