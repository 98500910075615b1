import type { PostgresLog } from '../../src/adapters/sql/postgres/log.ts';
import { type OpenLog, logContract } from '../../src/testing/index.ts';
import { emptyDatabase, nodeForFile, openLog } from './postgres-under-test.ts';

const own = nodeForFile();

const openPostgresLog: OpenLog = async (limits) => {
  await emptyDatabase(own.node.postgres);
  const log: PostgresLog = await openLog(own.node.postgres, { limits, shared: true });
  return { log, reopen: null, close: () => log.close() };
};

logContract('Postgres', openPostgresLog, { shared: true, limitsChannels: true });
