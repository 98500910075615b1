import { afterAll, beforeAll } from 'vitest';
import { createPostgresDirectory } from '../../src/adapters/sql/postgres/directory.ts';
import { directoryChangesContract, directoryContract } from '../../src/testing/index.ts';
import {
  type Node,
  type PostgresUnderTest,
  emptyDatabase,
  openNode,
  startPostgresUnderTest,
} from './postgres-under-test.ts';

let server: PostgresUnderTest;
let node: Node;
beforeAll(async () => {
  server = await startPostgresUnderTest();
  node = await openNode(await server.createMigrated());
});
afterAll(async () => {
  await node.close();
  await server.stop();
});

async function open() {
  await emptyDatabase(node.postgres);
  return {
    directory: createPostgresDirectory(node.postgres, node.queue),
    close: () => Promise.resolve(),
  };
}

directoryContract('Postgres', open);
directoryChangesContract('Postgres', open);
