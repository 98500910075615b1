import {
  type EventStore,
  type EventSubject,
  type EventType,
  saysPresent,
  type StoredEvent,
} from '../../ports/event-store.ts';
import type { Sqlite } from './sqlite.ts';

export type EventRow = {
  readonly number: number;
  readonly id: string;
  readonly type: EventType;
  readonly subject: string;
  readonly at_ms: number;
};

export type PresentRow = { readonly kind: EventSubject['kind']; readonly subject: string };

/**
 * Events in the database that holds the journal too: what happened, and that it happened, survive together or not at all.
 *
 * @param node whose events these are, where several processes share the file
 */
export function createSqliteEventStore(
  { reader, writer }: Pick<Sqlite, 'reader' | 'writer'>,
  node = '',
): EventStore {
  const events = reader.prepare<[string], EventRow>(
    'SELECT number, id, type, subject, at_ms FROM webhook_events WHERE node = ? ORDER BY number',
  );
  const present = reader.prepare<[string], PresentRow>(
    'SELECT kind, subject FROM webhook_present WHERE node = ?',
  );
  const owners = reader
    .prepare<[string, string], string>(
      `SELECT node FROM webhook_events WHERE node <> ?
        UNION SELECT node FROM webhook_present WHERE node <> ?`,
    )
    .pluck();
  const load = reader.transaction(() => ({
    events: events.all(node).map(eventOf),
    present: present.all(node).map(subjectOf),
  }));
  return {
    put: ({ number, id, type, subject, atMs }) =>
      writer.put('putEvent', node, number, id, type, subject.kind, subject.name, atMs, saysPresent(type)),
    mark: ({ kind, name }, isPresent) => writer.put('markSubject', node, kind, name, isPresent),
    drop: (number) => writer.put('dropEvent', node, number),
    clear: () => writer.put('clearEvents', node),
    async adopt(dead) {
      await writer.put('adoptEvents', node, dead);
      return load();
    },
    load: () => Promise.resolve(load()),
    owners: () => Promise.resolve(owners.all(node, node)),
  } satisfies EventStore;
}

export function eventOf({ number, id, type, subject, at_ms: atMs }: EventRow): StoredEvent {
  const kind = type === 'user.online' || type === 'user.offline' ? 'user' : 'channel';
  return { number, id, type, subject: { kind, name: subject }, atMs };
}

export function subjectOf({ kind, subject }: PresentRow): EventSubject {
  return { kind, name: subject };
}
