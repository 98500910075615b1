import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from '@carillon/server';
import { contract } from './contract.ts';
import { createLogins } from './logins.ts';

export type App = { readonly url: string; close(): Promise<void> };

/** A plain HTTP server with Carillon on it. */
export async function startApp({
  port,
  databaseUrl,
  apiKey,
}: {
  readonly port: number;
  readonly databaseUrl: string;
  /** Of Carillon's HTTP API, for backends beside this one. */
  readonly apiKey: string;
}): Promise<App> {
  const logins = createLogins();
  const carillon = await createServer(contract, {
    databaseUrl,
    apiKey,
    auth: {
      authenticate({ token }) {
        const user = logins.userOf(token);
        return user === undefined ? null : { user };
      },
    },
    authorize: { 'chat:{room}': ({ params }) => params.room !== 'closed' },
    logging: { level: 'warn' },
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const [, first, room = ''] = pathname.split('/');
    if (request.method === 'POST' && first === 'logins') {
      reply(response, 200, { token: logins.begin(searchParams.get('user') ?? 'nobody') });
    } else if (request.method === 'POST' && first === 'rooms') {
      const text = searchParams.get('text') ?? '';
      const published = await carillon.publish('chat:{room}', { room }, { text });
      if (published.ok) reply(response, 200, { offset: published.value.offset });
      else reply(response, 422, { error: published.code });
    } else {
      reply(response, 404, { error: 'not_found' });
    }
  }

  const http = createHttpServer((request, response) => {
    // Carillon answers its own paths and leaves the rest to the app.
    carillon.handler(request, response, () => void answer(request, response));
  });
  await carillon.attach(http);
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');

  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async close() {
      // Carillon first: the HTTP server waits for connections, and WebSockets are some.
      await carillon.close();
      http.close();
      http.closeIdleConnections();
      await once(http, 'close');
    },
  };
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
