import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contract } from '@carillon/contract';
import { type CarillonServer, createServer, type ServerOptions } from '@carillon/server';
import { WebSocket } from 'ws';

/** What every server here is configured with: a file of its own, and login tokens that are the user's name. */
export function optionsIn(folder: string) {
  return {
    port: 0,
    databaseUrl: `sqlite:${join(folder, 'app.sqlite')}`,
    auth: { authenticate: ({ token }: { readonly token: string }) => ({ user: token }) },
    logging: { level: 'silent' },
  } as const;
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'carillon-contract-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

type Wire = Readonly<Record<string, unknown>>;

/** A client that knows nothing but WebSocket and JSON. */
export type Line = {
  readonly socket: WebSocket;
  send(message: Wire): void;
  /** The next message of this type that was not taken before. */
  next(type: string): Promise<Wire>;
  /** Sends a request and waits for what answers it, `ok` or `err`. */
  ask(message: Wire): Promise<Wire>;
  /** Everything that came and was not taken, once all that was sent before has come. */
  rest(): Promise<readonly Wire[]>;
};

/**
 * @param url `ws://…/ws`
 * @throws Error where the server closes the line before the login worked
 */
export async function logIn(url: string, user: string, token = user): Promise<Line> {
  const socket = new WebSocket(url);
  const messages: Wire[] = [];
  const waits: (() => void)[] = [];
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()) as Wire);
    for (const wake of waits.splice(0)) wake();
  });
  let request = 0;
  let closed = 0;
  socket.on('close', (code: number) => {
    closed = code;
    for (const wake of waits.splice(0)) wake();
  });

  async function take(fits: (message: Wire) => boolean): Promise<Wire> {
    for (;;) {
      const index = messages.findIndex(fits);
      if (index >= 0) return messages.splice(index, 1)[0] ?? {};
      if (closed !== 0) throw new Error(`closed with ${closed}`);
      await new Promise<void>((resolve) => waits.push(resolve));
    }
  }

  const line: Line = {
    socket,
    send: (message) => socket.send(JSON.stringify(message)),
    next: (type) => take(({ t }) => t === type),
    async ask(message) {
      const i = ++request;
      line.send({ ...message, i });
      return take((answer) => answer['i'] === i && (answer['t'] === 'ok' || answer['t'] === 'err'));
    },
    async rest() {
      const q = ++request;
      line.send({ t: 'hb', q });
      await take((message) => message['t'] === 'hb' && message['q'] === q);
      return messages.splice(0);
    },
  };
  await once(socket, 'open');
  line.send({ t: 'login', username: user, token, v: 1 });
  await line.next('sync');
  await take(({ t }) => t === 'token');
  return line;
}

export type AppUnderTest<C extends Contract> = {
  readonly server: CarillonServer<C>;
  readonly url: string;
  logIn(user: string): Promise<Line>;
  close(): Promise<void>;
};

/** A server of this contract that listens. */
export async function startApp<C extends Contract>(
  contract: C,
  options: Omit<ServerOptions<NoInfer<C>>, keyof ReturnType<typeof optionsIn>>,
): Promise<AppUnderTest<C>> {
  const folder = temporaryFolder();
  // That together they are the options, the compiler cannot see for a contract that is not known yet.
  const whole = { ...optionsIn(folder.path), ...options } as never;
  const server = await createServer<C>(contract, whole);
  const { url } = await server.listen();
  const lines: Line[] = [];
  return {
    server,
    url,
    async logIn(user) {
      const line = await logIn(`${url.replace('http', 'ws')}/ws`, user);
      lines.push(line);
      return line;
    },
    async close() {
      for (const { socket } of lines) socket.terminate();
      await server.close(0);
      folder.remove();
    },
  };
}
