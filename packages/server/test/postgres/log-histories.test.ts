import { expect, it } from 'vitest';
import type { PostgresLog } from '../../src/adapters/sql/postgres/log.ts';
import type { OpenLog } from '../../src/testing/index.ts';
import { randomHistories } from '../log/random-histories.ts';
import { nodeForFile, openLog } from './postgres-under-test.ts';

const own = nodeForFile();

const open: OpenLog = async (limits) => {
  let log: PostgresLog = await openLog(own.node.postgres, { limits, shared: true });
  return {
    log,
    async reopen() {
      await log.close();
      // Another process takes it up.
      await own.restart();
      log = await openLog(own.node.postgres, { limits, shared: true });
      return log;
    },
    close: () => log.close(),
  };
};

randomHistories('Postgres', open, 150, { shared: true });

it('the histories left nothing in the tables', async () => {
  const counts = await own.node.postgres.transaction((within) =>
    within.exec(`SELECT (SELECT channels FROM log_state) AS counted, (SELECT count(*) FROM channels) AS channels,
      (SELECT count(*) FROM publications) AS publications, (SELECT count(*) FROM entries) AS entries,
      (SELECT count(*) FROM ids) AS ids`),
  );
  expect(counts).toEqual([{ counted: 0, channels: 0, publications: 0, entries: 0, ids: 0 }]);
});
