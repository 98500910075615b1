import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createClient } from '../../src/index.ts';

const servers: Server[] = [];

/** An HTTP server of this address. */
async function serve(handle: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handle as never);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

it.each(['sse', 'longpoll'] as const)(
  '[HTTP2] what something between redirects over %s is not told the login token, nor anything else',
  async (way) => {
    let heard = '';
    const elsewhere = await serve((request, response) => {
      request.on('data', (piece: Buffer) => (heard += piece.toString()));
      request.on('end', () => response.end('{}'));
    });
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(307, { location: `${elsewhere}${request.url}` }).end();
    });
    const client = createClient({
      url: `${url}/ws`,
      username: 'alice',
      token: 'secret-token',
      transports: [way],
    });
    const lost = new Promise<void>((resolve) => {
      client.onConnection(({ status }) => {
        if (status === 'disconnected') resolve();
      });
    });
    client.connect();
    await lost;
    client.disconnect();
    expect(heard).toBe('');
  },
);
