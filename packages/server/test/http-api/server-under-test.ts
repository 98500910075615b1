import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { signToken } from '../../src/auth/sign-token.ts';
import { type CarillonConfig, resolveConfig } from '../../src/config.ts';
import { createLogger } from '../../src/ops/logger.ts';
import { assembleServer, type CarillonServer, type Development } from '../../src/server.ts';
import { answerProblem } from './described-answers.ts';

export const API_KEY = 'an-api-key-of-some-length';
export const SECRET = 'a secret of at least thirty-two bytes';

/** A real server on loopback with a real database in a folder of its own. */
export type ServerUnderTest = {
  readonly server: CarillonServer;
  readonly url: string;
  readonly folder: string;
  /** What was logged, one parsed line each. */
  readonly logged: readonly Readonly<Record<string, unknown>>[];
  /**
   * A request with the API key. `body` is sent as JSON unless it is a text or bytes. Rejects where the answer is not as
   * docs/openapi.json describes it.
   */
  api(method: string, path: string, body?: unknown): Promise<Answer>;
  logIn(user: string): Promise<Client>;
  close(): Promise<void>;
};

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

/** A bare WebSocket client. */
export type Client = {
  readonly socket: WebSocket;
  /** The next message of this type that was not taken before. */
  next(type: string): Promise<Readonly<Record<string, unknown>>>;
};

export type Given = { readonly config?: CarillonConfig; readonly development?: Development | null };

export async function startServer({ config = {}, development = null }: Given = {}): Promise<ServerUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'));
  const logged: Record<string, unknown>[] = [];
  const resolved = resolveConfig(
    { port: 0, databaseUrl: 'sqlite:test.sqlite', apiKey: API_KEY, auth: { secret: SECRET }, ...config },
    folder,
  );
  if (!resolved.ok) throw new Error(resolved.problem);
  const logger = createLogger('debug', {
    write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>),
  });
  const server = await assembleServer(resolved.config, { logger, development });
  const { url } = await server.listen();
  const sockets: WebSocket[] = [];
  return {
    server,
    url,
    folder,
    logged,
    async api(method, path, body) {
      const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
      const response = await fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${API_KEY}` },
        ...(body === undefined
          ? {}
          : { body: raw ? (body as NonNullable<RequestInit['body']>) : JSON.stringify(body) }),
      });
      const answer = await answerOf(response);
      const contentType = response.headers.get('content-type');
      const problem = answerProblem(method, path, { ...answer, contentType });
      if (problem !== undefined) throw new Error(`not as docs/openapi.json says: ${problem}`);
      return answer;
    },
    async logIn(user) {
      const socket = new WebSocket(url.replace('http', 'ws') + '/ws');
      sockets.push(socket);
      const client = watch(socket);
      await once(socket, 'open');
      const token = await signToken({
        secret: SECRET,
        user,
        ttlMs: 3_600_000,
        issuer: null,
        audience: null,
        nowMs: Date.now(),
      });
      socket.send(JSON.stringify({ t: 'login', username: user, token, v: 1 }));
      await client.next('sync');
      return client;
    },
    async close() {
      for (const socket of sockets) socket.terminate();
      await server.close(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}

/** Collects messages from the very first, and hands each out once. */
function watch(socket: WebSocket): Client {
  const messages: Record<string, unknown>[] = [];
  let arrived = Promise.withResolvers<void>();
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()) as Record<string, unknown>);
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  return {
    socket,
    async next(type) {
      for (;;) {
        const index = messages.findIndex((message) => message['t'] === type);
        if (index >= 0) return messages.splice(index, 1)[0] ?? {};
        await arrived.promise;
      }
    },
  };
}
