import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createApi } from './api/api.ts';
import { createLogin } from './api/login.ts';
import { createDaprPublisher } from './relay/dapr-publisher.ts';
import { createHttpPublisher } from './relay/http-publisher.ts';
import type { Publisher } from './relay/publisher.ts';
import { startRelay } from './relay/relay.ts';
import type { PublishSettings, Settings } from './settings.ts';
import { openSqliteStore } from './store/sqlite-store.ts';
import type { TaskStore } from './store/task-store.ts';

/** How long an answer is kept under its Idempotency-Key, ms: longer than a client's outbox keeps a change. */
const KEEP_ANSWERS_MS = 30 * 86_400_000;

/** How often what is older is forgotten, ms. */
const SWEEP_MS = 3_600_000;

export type Backend = { readonly url: string; close(): Promise<void> };

/** Says in one line what went wrong: nothing that a user sent, and no secret. */
export type Complain = (what: string, error: unknown) => void;

/**
 * The service: its API, its database, and the relay that publishes what changed.
 *
 * @throws Error where the database or the address cannot be had
 */
export async function startBackend(settings: Settings, complain: Complain): Promise<Backend> {
  const store = await openStore(settings, complain);
  const publisher = await createPublisher(settings.publish);
  const relay =
    publisher === null
      ? null
      : startRelay({
          store,
          publish: publisher.publish,
          complain: (error) => complain('publishing', error),
        });
  const api = createApi({
    store,
    login: createLogin(settings.login),
    changed: () => relay?.wake(),
    complain: (error) => complain('database', error),
  });
  const listener = getRequestListener(api.fetch);
  const http = createServer((request, response) => void listener(request, response));

  const sweep = (): void => {
    store.sweep(Date.now() - KEEP_ANSWERS_MS).catch((error: unknown) => complain('sweeping', error));
  };
  sweep();
  const sweeping = setInterval(sweep, SWEEP_MS);

  async function closeParts(): Promise<void> {
    clearInterval(sweeping);
    await relay?.stop();
    await publisher?.close();
    await store.close();
  }

  http.listen(settings.port, settings.host);
  try {
    await once(http, 'listening');
  } catch (error) {
    await closeParts();
    throw error;
  }
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`,
    async close() {
      const closed = once(http, 'close');
      http.close();
      http.closeIdleConnections();
      await closed;
      await closeParts();
    },
  };
}

/** Drivers are loaded where they are used: it starts the sooner without. */
async function openStore({ databaseUrl, publish }: Settings, complain: Complain): Promise<TaskStore> {
  if (databaseUrl.startsWith('sqlite:')) return openSqliteStore(databaseUrl.slice('sqlite:'.length));
  const { openPostgresStore } = await import('./store/postgres-store.ts');
  return openPostgresStore(databaseUrl, publish.by === 'outbox' ? publish : null, (error) =>
    complain('database', error),
  );
}

/** Null: nothing is to be done, for Carillon reads the events where they were written. */
async function createPublisher(settings: PublishSettings): Promise<Publisher | null> {
  switch (settings.by) {
    case 'http':
      return createHttpPublisher(settings);
    case 'kafka': {
      const { createKafkaPublisher } = await import('./relay/kafka-publisher.ts');
      return createKafkaPublisher(settings);
    }
    case 'dapr':
      return createDaprPublisher(settings);
    case 'outbox':
      return null;
  }
}
