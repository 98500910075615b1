import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it arrived. */
export type Arrived = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

/** A real HTTP server on loopback that stands for an app's own backend. */
export type Backend = {
  readonly port: number;
  readonly url: URL;
  readonly arrived: readonly Arrived[];
  /** Sockets that were ever opened to it, and those open now. */
  readonly sockets: { readonly opened: number; readonly open: ReadonlySet<Socket> };
  /** Answers every request in this way from now on. */
  answer(respond: (response: ServerResponse, request: Arrived) => void): void;
  /** Resolves once so many requests have arrived. */
  arrivals(count: number): Promise<void>;
  closeIdle(): void;
  close(): Promise<void>;
};

export async function startBackend(): Promise<Backend> {
  const arrived: Arrived[] = [];
  const open = new Set<Socket>();
  let opened = 0;
  let respond: (response: ServerResponse, request: Arrived) => void = json({ allow: true });
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one: Arrived = { method, path: url, headers, body };
      arrived.push(one);
      for (const { count, resolve } of waiting) if (arrived.length >= count) resolve();
      respond(response, one);
    });
    request.on('error', () => undefined);
  });
  server.on('connection', (socket) => {
    opened++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: new URL(`http://127.0.0.1:${port}/who?key=query-secret`),
    arrived,
    sockets: {
      get opened() {
        return opened;
      },
      open,
    },
    answer(next) {
      respond = next;
    },
    arrivals(count) {
      if (arrived.length >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
    closeIdle: () => server.closeIdleConnections(),
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers with JSON. */
export function json(value: unknown, status = 200): (response: ServerResponse) => void {
  return text(JSON.stringify(value), status);
}

export function text(body: string, status = 200): (response: ServerResponse) => void {
  return (response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
