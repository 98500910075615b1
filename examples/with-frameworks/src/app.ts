import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from '@carillon/server';
import { contract } from './contract.ts';
import { createLogins } from './logins.ts';
import { pagesHandler } from './pages-handler.ts';

/** Who there is. Everybody follows everybody. */
const PEOPLE = ['alice', 'bob', 'carol'];

export type App = {
  readonly url: string;
  /** Pairs of a session and a channel that it is subscribed to. */
  subscriptions(): number;
  close(): Promise<void>;
};

/** The pages, logins for them, and Carillon on one HTTP server. */
export async function startApp({
  port,
  databaseUrl,
  pages,
  allowedOrigins = [],
}: {
  readonly port: number;
  readonly databaseUrl: string;
  /** The folder with the built pages. */
  readonly pages: string;
  /** Where the pages are seen, beside this server's own address: a proxy before it. */
  readonly allowedOrigins?: readonly string[];
}): Promise<App> {
  const logins = createLogins();
  const servePage = pagesHandler(pages);
  const carillon = await createServer(contract, {
    databaseUrl,
    allowedOrigins: [...allowedOrigins],
    auth: {
      authenticate({ token }) {
        const user = logins.userOf(token);
        return user === undefined ? null : { user };
      },
    },
    presence: { followsOf: (user) => PEOPLE.filter((other) => other !== user) },
    authorize: { 'chat:{room}': ({ params }) => params.room === 'lobby' },
    logging: { level: 'warn' },
  });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    // A demo: whoever asks is let in, as one of the three.
    const user = searchParams.get('user') ?? '';
    if (request.method === 'POST' && pathname === '/logins' && PEOPLE.includes(user))
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end(logins.begin(user));
    servePage(request, response);
  }

  const http = createHttpServer((request, response) => {
    // Carillon answers its own paths and leaves the rest to the app.
    carillon.handler(request, response, () => answer(request, response));
  });
  await carillon.attach(http);
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');

  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    subscriptions: () => carillon.node.counts().subscriptions,
    async close() {
      // Carillon first: the HTTP server waits for connections, and WebSockets are some.
      await carillon.close();
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
}
