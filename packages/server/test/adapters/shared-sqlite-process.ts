/**
 * One of several processes that share an SQLite file. Run by shared-sqlite.test.ts with the path and a number of its own; does
 * what a node does, all at once, and says what it was answered.
 */
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteEventStore } from '../../src/adapters/sql/event-store.ts';
import { createSqliteRevocations } from '../../src/adapters/sql/revocations.ts';
import { keptServerKey } from '../../src/adapters/sql/server-key.ts';
import { openSqlite } from '../../src/adapters/sql/sqlite.ts';
import { EVENTS, FRIENDS, IMPORTED, LIMIT, ROUNDS } from './shared-sqlite.ts';

const [, , path = '', me = ''] = process.argv;

const database = await openSqlite({ path });
const directory = createSqliteDirectory(database);
const events = createSqliteEventStore(database, `n${me}`);
const revocations = createSqliteRevocations(database, () => 0);
const key = await keptServerKey(database, 'grants', () => me.repeat(43));

await directory.ensureUser('star');
const follows = await Promise.all(
  Array.from({ length: FRIENDS }, async (_, i) => {
    await directory.ensureUser(`friend${i}`);
    return directory.follow('star', `friend${i}`, Number(me) * 1_000 + i + 1, LIMIT);
  }),
);
const imports = await Promise.all(
  Array.from({ length: ROUNDS }, (_, round) =>
    directory.importEdges(
      Array.from({ length: IMPORTED }, (_edge, i) => [`fan${i}`, `idol${round}`] as const),
      1_000_000,
    ),
  ),
);
await Promise.all([
  ...Array.from({ length: EVENTS }, (_, i) =>
    events.put({
      number: i + 1,
      id: `evt_${me}_${i}`,
      type: 'user.online',
      subject: { kind: 'user', name: `u${me}_${i}` },
      atMs: 1,
    }),
  ),
  revocations.revoke({ kind: 'user', user: `revoked${me}`, issuedUpToMs: 1 }, 1_000),
  directory.recordLastSeen([
    { user: 'star', ms: 1_000 + Number(me) },
    { user: 'fan0', ms: 5_000 - Number(me) },
  ]),
]);
process.stdout.write(
  JSON.stringify({
    key,
    followed: follows.filter((result) => result === 'changed').length,
    added: imports.reduce((sum, { added }) => sum + added, 0),
    users: imports.reduce((sum, { users }) => sum + users, 0),
  }),
);
await database.close();
