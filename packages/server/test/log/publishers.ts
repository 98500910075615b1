/**
 * Publishers that append to a log in SQLite, each one publication after the other. Run by kill.test.ts and syncs.test.ts in
 * a process of its own, with the path of the log, the number of this life, how many publishers there are, and how many
 * publications each makes (0: until it is killed).
 *
 * Says on stdout, a line each, what is about to be appended (`+ id`) and what was acknowledged (`= id channel epoch offset`).
 * Writing to a pipe is synchronous on POSIX systems, so a line that was said is read even after a kill.
 */
import { openSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createSqliteLog } from '../../src/adapters/sql/log.ts';
import { appendOf } from '../../src/testing/log-subject.ts';
import { CHANNELS, channelOf } from './published.ts';

const [, , path = '', life = '0', publishers = '1', each = '0'] = process.argv;
const trace = process.env['SHIM_TRACE'];
const traced = trace === undefined ? null : openSync(trace, 'a');

const log = await createSqliteLog({ path, newEpoch: () => `life${life}` });
let acknowledged = 0;

async function publish(publisher: number, n: number): Promise<void> {
  // A number for each publication of this life; the shim finds it in what is written to the disk.
  const number = n * 1_000 + publisher;
  const id = `${life}/${number}`;
  process.stdout.write(`+ ${id}\n`);
  const result = await log.append(
    appendOf({
      channel: channelOf(publisher % CHANNELS),
      data: JSON.stringify({ id, mark: `#${number}#` }),
      once: { scope: `p${publisher}`, id, print: id },
    }),
  );
  if (!('publication' in result)) throw new Error(`${id}: ${JSON.stringify(result)}`);
  if (traced !== null) writeSync(traced, `A ${number}\n`);
  const { epoch, publication } = result;
  process.stdout.write(`= ${id} ${channelOf(publisher % CHANNELS)} ${epoch} ${publication.offset}\n`);
  acknowledged++;
}

async function publishAll(publisher: number): Promise<void> {
  // In two halves, so that a kill while one half is being answered finds the other in flight.
  if (publisher % 2 === 1) await nextTurn();
  for (let n = 1; each === '0' || n <= Number(each); n++) await publish(publisher, n);
}

await Promise.all(Array.from({ length: Number(publishers) }, (_, i) => publishAll(i)));
await log.close();
process.stdout.write(`! ${acknowledged}\n`);
