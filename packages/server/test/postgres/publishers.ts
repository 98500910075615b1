/**
 * Publishers that append to a log in Postgres, each one publication after the other. Run by kill.test.ts in a process of its
 * own, with the URL of the database, the number of this life, and how many publishers there are. Says what
 * test/log/publishers.ts says.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createPostgresLog } from '../../src/adapters/sql/postgres/log.ts';
import { openPostgres } from '../../src/adapters/sql/postgres/postgres.ts';
import { appendOf } from '../../src/testing/log-subject.ts';
import { CHANNELS, channelOf } from '../log/published.ts';

const [, , url = '', life = '0', publishers = '1'] = process.argv;

const postgres = await openPostgres({ url });
const log = await createPostgresLog(postgres, { newEpoch: () => `life${life}`, shared: true });

async function publishAll(publisher: number): Promise<void> {
  // In two halves, so that a kill while one half is being answered finds the other in flight.
  if (publisher % 2 === 1) await nextTurn();
  const channel = channelOf(publisher % CHANNELS);
  for (let n = 1; ; n++) {
    const id = `${life}/${n * 1_000 + publisher}`;
    process.stdout.write(`+ ${id}\n`);
    const once = { scope: `p${publisher}`, id, print: id };
    const result = await log.append(appendOf({ channel, data: JSON.stringify({ id }), once }));
    if (!('publication' in result)) throw new Error(`${id}: ${JSON.stringify(result)}`);
    process.stdout.write(`= ${id} ${channel} ${result.epoch} ${result.publication.offset}\n`);
  }
}

await Promise.all(Array.from({ length: Number(publishers) }, (_, i) => publishAll(i)));
