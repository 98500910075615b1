import { afterAll, beforeAll } from 'vitest';
import { createPostgresDocuments } from '../../src/adapters/sql/postgres/documents.ts';
import { documentsContract } from '../../src/testing/index.ts';
import { type Node, emptyDatabase, nodeForFile, openNode } from './postgres-under-test.ts';

const own = nodeForFile();
let another: Node;
beforeAll(async () => {
  another = await openNode(own.url);
});
afterAll(() => another.close());

documentsContract('Postgres', async () => {
  await emptyDatabase(own.node.postgres);
  return {
    store: createPostgresDocuments(own.node.postgres),
    other: createPostgresDocuments(another.postgres),
    async reopen() {
      await own.restart();
      return createPostgresDocuments(own.node.postgres);
    },
    close: () => Promise.resolve(),
  };
});
