import { type EventStore, saysPresent } from '../../../ports/event-store.ts';
import { type EventRow, type PresentRow, eventOf, subjectOf } from '../event-store.ts';
import type { KeptQueue } from './kept-writes.ts';
import type { Postgres } from './connection.ts';
import { pgStatement } from './statement.ts';

/** node */
const events = pgStatement<EventRow>(
  'events',
  'SELECT number, id, type, subject, at_ms FROM webhook_events WHERE node = $1 ORDER BY number',
);
const present = pgStatement<PresentRow>(
  'present',
  'SELECT kind, subject FROM webhook_present WHERE node = $1',
);
/** node */
const owners = pgStatement<{ readonly node: string }>(
  'event_owners',
  `SELECT node FROM webhook_events WHERE node <> $1
    UNION SELECT node FROM webhook_present WHERE node <> $1`,
);

/** @param node whose events these are: the name of this node among those that share the database */
export function createPostgresEventStore(postgres: Postgres, queue: KeptQueue, node = ''): EventStore {
  const load: EventStore['load'] = () =>
    postgres.transaction(async (within) => {
      await within.exec('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      return {
        events: (await within.run(events, node)).map(eventOf),
        present: (await within.run(present, node)).map(subjectOf),
      };
    });
  return {
    async put(event) {
      const { subject, number, type } = event;
      // Asked for in one turn, so they share a transaction: neither survives without the other.
      const marked = queue.ask({ kind: 'mark', node, subject, present: saysPresent(type) });
      await Promise.all([queue.ask({ kind: 'event', node, number, event }), marked]);
    },
    mark: (subject, isPresent) => queue.ask({ kind: 'mark', node, subject, present: isPresent }),
    drop: (number) => queue.ask({ kind: 'event', node, number, event: null }),
    clear: () => queue.ask({ kind: 'clear', node }),
    async adopt(dead) {
      await queue.ask({ kind: 'adopt', node, dead });
      return load();
    },
    load,
    owners: async () => (await postgres.run(owners, node)).map((row) => row.node),
  } satisfies EventStore;
}
