import { createServer } from '@carillon/server';
import fastify from 'fastify';
import { contract } from './contract.ts';
import { createLogins } from './logins.ts';

export type App = { readonly url: string; close(): Promise<void> };

/** A Fastify app with Carillon on its HTTP server. */
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

  const app = fastify();
  // The first hook, before bodies are read. For a path of Carillon's own `done` is never called, and Fastify is told so.
  app.addHook('onRequest', (request, reply, done) => {
    let isOurs = true;
    carillon.handler(request.raw, reply.raw, () => {
      isOurs = false;
      done();
    });
    if (isOurs) reply.hijack();
  });

  app.post<{ Body: { readonly user: string } }>('/logins', ({ body }) => ({
    token: logins.begin(body.user),
  }));

  app.post<{ Body: { readonly text: string }; Params: { readonly room: string } }>(
    '/rooms/:room',
    async ({ body, params }, reply) => {
      const published = await carillon.publish('chat:{room}', { room: params.room }, { text: body.text });
      if (published.ok) return { offset: published.value.offset };
      return reply.status(422).send({ error: published.code });
    },
  );

  await carillon.attach(app.server);
  // Carillon first: Fastify waits for connections, and WebSockets are some.
  app.addHook('preClose', () => carillon.close());
  const url = await app.listen({ port, host: '127.0.0.1' });

  return { url, close: () => app.close() };
}
