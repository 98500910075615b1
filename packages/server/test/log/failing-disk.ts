/**
 * A log whose disk fails and recovers, told so by the shim (native/disk-shim.c). Run by failing-disk.test.ts in a process of
 * its own, with the path of the log and the file that the shim looks at. Says what happened on stdout, as JSON.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { createSqliteLog } from '../../src/adapters/sql/log.ts';
import type { Append } from '../../src/ports/log.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';

const [, , path = '', fault = '', how = ''] = process.argv;
const log = await createSqliteLog({ path, newEpoch: () => 'era' });

async function append(id: string, patch: Partial<Append> = {}): Promise<string> {
  try {
    const once = { scope: 'a', id, print: id };
    const result = await log.append(appendOf({ data: JSON.stringify(id), once, ...patch }));
    if ('publication' in result) return `at ${result.publication.offset}`;
    return 'duplicate' in result ? `was at ${result.duplicate?.offset}` : JSON.stringify(result);
  } catch (error) {
    return isStoreUnavailable(error) ? 'unavailable' : String(error);
  }
}

async function kept(): Promise<string> {
  const { epoch } = await log.top('chat:1');
  const read = await log.read('chat:1', { epoch, offset: 0 }, PLENTY, T0);
  return read.ok ? read.publications.map(({ data }) => data).join() : read.why;
}

const ids = ['c', 'd', 'e'];
const before = [await append('a'), await append('b')];
writeFileSync(fault, how);
const during = await Promise.all(ids.map((id) => append(id)));
const probeDuring = await log.probe().then(
  () => 'stored',
  () => 'unavailable',
);
const keptDuring = await kept();
const countsDuring = log.counts();
if (process.argv[5] === 'and die') {
  process.stdout.write(JSON.stringify({ before, during, keptDuring }), () =>
    process.kill(process.pid, 'SIGKILL'),
  );
  await new Promise(() => undefined);
}
rmSync(fault);
const probeAfter = await log.probe().then(
  () => 'stored',
  () => 'unavailable',
);
const after = [await append('f'), ...(await Promise.all(ids.map((id) => append(id)))), await append('d')];
const keptAfter = await kept();
await log.close();
process.stdout.write(
  JSON.stringify({
    before,
    during,
    probeDuring,
    keptDuring,
    countsDuring,
    probeAfter,
    after,
    keptAfter,
  }),
);
