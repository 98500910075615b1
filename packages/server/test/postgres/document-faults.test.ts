import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresDocuments } from '../../src/adapters/sql/postgres/documents.ts';
import { snapshotAt, stateOf } from '../../src/testing/documents-contract.ts';
import { edit, isWhole } from '../documents/editing.ts';
import {
  type Node,
  type PostgresUnderTest,
  openLog,
  openNode,
  startPostgresUnderTest,
} from './postgres-under-test.ts';

const UNAVAILABLE = { code: 'unavailable' };

let server: PostgresUnderTest;
let node: Node;
beforeAll(async () => {
  server = await startPostgresUnderTest('on');
  node = await openNode(await server.createMigrated());
});
afterAll(async () => {
  await node.close();
  await server.stop();
});

it('Postgres killed in the middle of a put and restarted: one snapshot or the other, whole, and no parts of a third', async () => {
  const store = createPostgresDocuments(node.postgres);
  const [first, second] = [
    snapshotAt(1, { state: stateOf(16e6) }),
    snapshotAt(2, { state: stateOf(16e6, 7) }),
  ];
  expect(await store.put('doc:big', first, null)).toBe(true);
  const putting = Promise.resolve(store.put('doc:big', second, first.position)).catch(
    (error: unknown) => error,
  );
  // The first of its parts have been written by now: whoever looks waits for none of them.
  await expect
    .poll(() =>
      server.run('SELECT count(*)::int AS n FROM pg_locks WHERE locktype = $$advisory$$ AND objsubid = 2'),
    )
    .toMatchObject([{ n: 1 }]);
  await server.kill9();
  expect(await putting).toMatchObject(UNAVAILABLE);
  await expect(store.head('doc:big')).rejects.toMatchObject(UNAVAILABLE);
  await server.restart();
  const kept = await store.snapshot('doc:big');
  const wanted = kept?.position.offset === 2 ? second : first;
  expect(Buffer.compare(kept!.state, wanted.state)).toBe(0);
  expect(await store.put('doc:big', snapshotAt(3), kept!.position)).toBe(true);
  await store.forget('doc:big');
  const [left] = await node.postgres.run<{ n: number }>({
    name: 'left',
    text: 'SELECT count(*)::int AS n FROM document_parts',
  });
  expect(left).toEqual({ n: 0 });
}, 60_000);

it('killed while a document is edited: a whole snapshot, none older than was acknowledged, and the log behind it', async () => {
  const log = await openLog(node.postgres, { shared: true });
  const store = createPostgresDocuments(node.postgres);
  let acknowledged = 0;
  let killed: Promise<void> | undefined;
  const editing = edit(log, store, 1_000, (offset) => {
    acknowledged = offset;
    // In the middle of what comes behind it: the trim.
    if (offset >= 60) killed ??= server.kill9();
  });
  await expect(editing).rejects.toMatchObject(UNAVAILABLE);
  await killed;
  await server.restart();
  await isWhole(log, store, acknowledged);
  await edit(log, store, 1, (offset) => (acknowledged = offset));
  await isWhole(log, store, acknowledged);
  await log.close();
}, 60_000);
