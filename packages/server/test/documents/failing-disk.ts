/**
 * Documents whose disk fails and recovers, told so by the shim (test/log/native/disk-shim.c). Run by sqlite-faults.test.ts in a process
 * of its own, with the path of the log, the file that the shim looks at, and how it fails. Says what happened on stdout, as JSON.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { createSqliteLog } from '../../src/adapters/sql/log.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { DOC, snapshotOf, stateAt } from './editing.ts';

const [, , path = '', fault = '', how = ''] = process.argv;
const log = await createSqliteLog({ path, newEpoch: () => 'era' });
const store = log.documents;
const at = (offset: number) => ({ epoch: 'era', offset });

const outcome = (call: unknown): Promise<unknown> =>
  Promise.resolve(call).then(
    (value: unknown) => value ?? 'done',
    (error: unknown) => (isStoreUnavailable(error) ? 'unavailable' : String(error)),
  );

async function kept(): Promise<string> {
  const snapshot = await store.snapshot(DOC);
  const offset = snapshot?.position.offset ?? 0;
  const isWhole = snapshot !== null && Buffer.compare(snapshot.state, stateAt(offset)) === 0;
  return `${offset}, ${isWhole ? 'whole' : 'damaged'}`;
}

const version = {
  head: { id: 'v', name: null, atMs: 1, by: null, position: at(1) },
  state: stateAt(1),
};
const before = await outcome(store.put(DOC, snapshotOf(at(1)), null));
writeFileSync(fault, how);
const during = await Promise.all(
  [
    store.put(DOC, snapshotOf(at(2)), at(1)),
    store.addVersion(DOC, version),
    log.trim(DOC, at(1)),
    log.settle(DOC),
  ].map(outcome),
);
const keptDuring = await kept();
rmSync(fault);
const after = await Promise.all(
  [store.put(DOC, snapshotOf(at(3)), at(1)), store.addVersion(DOC, version)].map(outcome),
);
const keptAfter = await kept();
await log.close();
const closed = await Promise.all(
  [store.put(DOC, snapshotOf(at(4)), at(3)), store.head(DOC), store.snapshot(DOC)].map(outcome),
);
process.stdout.write(JSON.stringify({ before, during, keptDuring, after, keptAfter, closed }));
