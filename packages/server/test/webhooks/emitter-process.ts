/**
 * Emits events as fast as they are stored, until it is killed. Run by kill.test.ts with the path of the database, the URL of
 * the receiver and whether it emits anything or only delivers what an earlier life left.
 *
 * Says on stdout, a line each, which events are stored: `= number type user`; and `idle` when nothing waits any more.
 */
import { setImmediate as nextPhase } from 'node:timers/promises';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createNodeSecrets } from '../../src/adapters/node/secrets.ts';
import { createSqliteEventStore } from '../../src/adapters/sql/event-store.ts';
import { openSqlite } from '../../src/adapters/sql/sqlite.ts';
import { createSignedPost } from '../../src/outbound/signed-post.ts';
import { EVENT_TYPES } from '../../src/webhooks/webhook-event.ts';
import { createWebhooks } from '../../src/webhooks/webhooks.ts';
import { SECRET } from './receiver.ts';

const USERS = 40;
/** Events that are being stored at any moment, so that a kill always finds some. */
const STORING_AT_ONCE = 20;

const [, , path = '', url = '', mode = 'emit'] = process.argv;
const clock = createNodeClock();
const database = await openSqlite({ path });
const sqlite = createSqliteEventStore(database);
let storing = 0;
const online = new Set((await sqlite.load()).present.map(({ name }) => name));
const webhooks = await createWebhooks(
  {
    receiver: url,
    timeoutMs: 5_000,
    atOnce: 8,
    queued: 1_000_000,
    maxAgeMs: 3_600_000,
    types: new Set(EVENT_TYPES),
    settleMs: 60_000,
  },
  {
    sender: createSignedPost({ url: new URL(url), secret: SECRET, connections: 8, answerBytes: 0, clock }),
    store: {
      ...sqlite,
      async put(event) {
        storing++;
        await sqlite.put(event);
        storing--;
        // Writing to a pipe is synchronous on POSIX systems: a line that was said is read even after a kill.
        process.stdout.write(`= ${event.id} ${event.type} ${event.subject.name}\n`);
      },
    },
    clock,
    secrets: createNodeSecrets(),
    telemetry: { warn: () => undefined, webhook: () => undefined },
  },
);
await webhooks.start({
  read: (users) =>
    Promise.resolve(
      users.map((user) => ({
        user,
        version: 1,
        s: online.has(user) ? 'Online' : 'Offline',
        fields: {},
        lastSeenMs: null,
      })),
    ),
});
for (let i = 0; mode === 'emit'; i++) {
  const user = `u${i % USERS}`;
  if (online.delete(user)) webhooks.userOffline(user, Date.now());
  else {
    online.add(user);
    webhooks.userOnline(user, Date.now());
  }
  while (storing >= STORING_AT_ONCE) await nextPhase();
}
while (webhooks.waiting() > 0) await nextPhase();
process.stdout.write('idle\n');
