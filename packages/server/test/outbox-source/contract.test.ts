import { afterAll, beforeAll } from 'vitest';
import { sourceContract } from '../../src/testing/source-contract.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres-server.ts';
import { createOutbox } from './outbox-under-test.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

sourceContract('an outbox in Postgres', async () => {
  const outbox = await createOutbox(server);
  return {
    open: () => outbox.source({ takeMs: 1_000 }),
    async publish(events) {
      for (const { id, key, value } of events)
        await outbox.app.query(
          'INSERT INTO carillon_outbox (event_id, topic, key, payload) VALUES ($1, $2, $3, $4)',
          [id, 'task-updates', key, value],
        );
    },
    idOf: ({ id }) => id ?? '',
    async poison() {
      const { rows } = await outbox.app.query<{ id: string; code: string; detail: string }>(
        `SELECT event_id AS id, code, detail FROM carillon_outbox WHERE state = 'dead' ORDER BY carillon_outbox.id`,
      );
      return rows;
    },
    close: () => outbox.close(),
  };
});
