import { afterAll, beforeAll } from 'vitest';
import type { PostgresLog } from '../../src/adapters/sql/postgres/log.ts';
import { type OpenLog, logContract } from '../../src/testing/index.ts';
import {
  type Node,
  type PostgresUnderTest,
  emptyDatabase,
  openLog,
  openNode,
  startPostgresUnderTest,
} from './postgres-under-test.ts';

let server: PostgresUnderTest;
let url: string;
let node: Node;
beforeAll(async () => {
  server = await startPostgresUnderTest();
  url = await server.createMigrated();
  node = await openNode(url);
});
afterAll(async () => {
  await node.close();
  await server.stop();
});

const openPostgresLog: OpenLog = async (limits) => {
  await emptyDatabase(node.postgres);
  const log: PostgresLog = await openLog(node.postgres, { limits, shared: true });
  return { log, reopen: null, close: () => log.close() };
};

logContract('Postgres', openPostgresLog, { shared: true, limitsChannels: true });
