/**
 * Writes as fast as it can until it is killed. Run by sqlite-kill.test.ts in a process of its own, with the path of the
 * database and the number of this life.
 *
 * Says on stdout, a line each, what it is about to write (`+ what`) and what has resolved (`= what`). Writing to a pipe is
 * synchronous on POSIX systems, so a line that was said is read even after a kill.
 */
import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { createMemoryPresence } from '../../src/adapters/memory/presence.ts';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteJournal } from '../../src/adapters/sql/journal.ts';
import { openSqlite } from '../../src/adapters/sql/sqlite.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import type { EdgePair } from '../../src/ports/directory.ts';
import { session } from './subjects.ts';

const T0 = 1_700_000_000_000;
/** Rounds under way at any moment, so that a kill always finds some. */
const AT_ONCE = 64;
const EDGES_AN_IMPORT = 500;

const [, , path = '', life = '0'] = process.argv;
const database = await openSqlite({ path });
const journal = createSqliteJournal(database);
const directory = createSqliteDirectory(database);
const stamps = createStampSource(0);
const presence = createMemoryPresence({
  broker: createMemoryBroker(),
  journal,
  lastSeen: directory,
  stamps,
  nowMs: () => T0,
});

async function say(what: string, write: () => Promise<unknown>): Promise<void> {
  process.stdout.write(`+ ${what}\n`);
  await write();
  process.stdout.write(`= ${what}\n`);
}

async function round(n: number): Promise<void> {
  const user = `u${life}-${n}`;
  // In the order of issue: which of them survived must be a beginning of it.
  const numbered = say(`session ${n}`, () =>
    journal.putSession(session(`${life}-${String(n).padStart(9, '0')}`, user, 'd1')),
  );
  await Promise.all([numbered, say(`user ${n}`, () => directory.ensureUser(user))]);
  await presence.join(user, 'd1', { kind: 'session', session: 's', generation: 1 }, { fields: {} });
  await say(`block ${n}`, () => directory.block('hub', user, n));
  await say(`leave ${n}`, () => presence.leave(user, 'd1', 's'));
}

async function importForEver(): Promise<void> {
  for (let n = 0; ; n++) {
    const edges: EdgePair[] = Array.from({ length: EDGES_AN_IMPORT }, (_, i) => [
      `imp${life}-${n}`,
      `target-${i}`,
    ]);
    await say(`import ${n}`, () => directory.importEdges(edges, n));
  }
}

await directory.ensureUser('hub');
void importForEver();
let next = 0;
for (let i = 0; i < AT_ONCE; i++)
  void (async () => {
    for (;;) await round(next++);
  })();
