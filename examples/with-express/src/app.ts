import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from '@carillon/server';
import express from 'express';
import { contract } from './contract.ts';
import { createLogins } from './logins.ts';

export type App = { readonly url: string; close(): Promise<void> };

/** An Express app with Carillon on its HTTP server. */
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

  const app = express();
  // Before anything that reads bodies: Carillon reads those of its own requests itself. Under a path of its own it would
  // leave /health to the app: app.use('/realtime', carillon.handler).
  app.use(carillon.handler);
  app.use(express.json());

  app.post('/logins', (request, response) => {
    const { user } = request.body as { readonly user: string };
    response.json({ token: logins.begin(user) });
  });

  app.post('/rooms/:room', async (request, response) => {
    const { text } = request.body as { readonly text: string };
    const published = await carillon.publish('chat:{room}', { room: request.params.room }, { text });
    if (published.ok) response.json({ offset: published.value.offset });
    else response.status(422).json({ error: published.code });
  });

  const http = app.listen(port, '127.0.0.1');
  await once(http, 'listening');
  await carillon.attach(http);

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
