import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';

/** What lies between a client and its server, on loopback; may be changed at any moment. */
export type Proxy = {
  readonly port: number;
  /** An upgrade passes, is refused, or is answered and then nothing passes. */
  upgrade: 'pass' | 'refuse' | 'swallow';
  /** Answers are kept back until they have ended. */
  buffer: boolean;
  /** A connection on which nothing passes for so long is cut, ms. */
  idleMs: number | null;
  /** Lines and requests that were cut so, while they were in use. */
  readonly idleCuts: number;
  /** Of so many messages upward the answer is still lost: the server has taken them. */
  loseAnswers: number;
  /** So many requests are still sent on twice. */
  repeat: number;
  /** Paths asked for, upgrades as `/ws`. */
  readonly asked: string[];
  /** What it serves itself, by path. */
  readonly pages: Map<string, { readonly type: string; readonly text: string }>;
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
};

/** @param to the server's port on loopback */
export async function startProxy(to: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer();
  let idleCuts = 0;
  const proxy: Proxy = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    upgrade: 'pass',
    buffer: false,
    idleMs: null,
    get idleCuts() {
      return idleCuts;
    },
    loseAnswers: 0,
    repeat: 0,
    asked: [],
    pages: new Map(),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      proxy.cut();
      server.close();
      await once(server, 'close');
    },
  };

  /** @param inUse whether somebody waits for something on it: an idle connection of a pool is nobody's line */
  function watch(socket: Socket, inUse: () => boolean): void {
    if (proxy.idleMs === null) return;
    socket.removeAllListeners('timeout');
    socket.setTimeout(proxy.idleMs, () => {
      if (inUse()) idleCuts++;
      socket.destroy();
    });
  }

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Whose page it is, is not what is tested.
    const {
      url = '/',
      method = 'GET',
      headers: { origin: __, ...headers },
    } = request;
    proxy.asked.push(url);
    const page = proxy.pages.get(url);
    if (page !== undefined) {
      response.writeHead(200, { 'content-type': page.type }).end(page.text);
      return;
    }
    watch(request.socket, () => !response.writableEnded);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const sends = body.includes('"n":');
    const lost = sends && proxy.loseAnswers > 0;
    if (lost) proxy.loseAnswers--;
    const times = sends && proxy.repeat > 0 ? 2 : 1;
    if (times === 2) proxy.repeat--;
    for (let time = 0; time < times; time++) {
      const upstream = httpRequest({ host: '127.0.0.1', port: to, path: url, method, headers });
      response.on('close', () => upstream.destroy());
      upstream.on('error', () => response.destroy());
      upstream.on('response', (answer) => {
        if (time > 0) return void answer.resume();
        if (lost) return void request.socket.destroy();
        const held: Buffer[] = [];
        const { 'content-length': _, ...rest } = answer.headers;
        if (!proxy.buffer) {
          response.writeHead(answer.statusCode ?? 502, rest);
          response.flushHeaders();
        }
        answer.on('data', (chunk: Buffer) => (proxy.buffer ? held.push(chunk) : response.write(chunk)));
        answer.on('end', () => {
          if (!response.headersSent) response.writeHead(answer.statusCode ?? 502, rest);
          response.end(Buffer.concat(held));
        });
        answer.on('error', () => response.destroy());
      });
      upstream.end(body);
    }
  }

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.on('request', (request, response) => {
    forward(request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    proxy.asked.push('/ws');
    if (proxy.upgrade === 'refuse')
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    const upstream = connect(to, '127.0.0.1');
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      if (request.rawHeaders[at]?.toLowerCase() === 'origin') continue;
      lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
    }
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    const swallows = proxy.upgrade === 'swallow';
    if (!swallows) socket.pipe(upstream);
    upstream.pipe(socket);
    watch(socket, () => true);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return proxy;
}
