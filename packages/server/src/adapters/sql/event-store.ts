import {
  type EventStore,
  type EventSubject,
  type EventType,
  saysPresent,
  type StoredEvent,
} from '../../ports/event-store.ts';
import type { Sqlite } from './sqlite.ts';

type EventRow = {
  readonly number: number;
  readonly id: string;
  readonly type: EventType;
  readonly subject: string;
  readonly at_ms: number;
};

type PresentRow = { readonly kind: EventSubject['kind']; readonly subject: string };

/** Events in the database that holds the journal too: what happened, and that it happened, survive together or not at all. */
export function createSqliteEventStore({ reader, writer }: Pick<Sqlite, 'reader' | 'writer'>): EventStore {
  return {
    put: ({ number, id, type, subject, atMs }) =>
      writer.put('putEvent', number, id, type, subject.kind, subject.name, atMs, saysPresent(type)),
    mark: ({ kind, name }, present) => writer.put('markSubject', kind, name, present),
    drop: (number) => writer.put('dropEvent', number),
    clear: () => writer.put('clearEvents'),
    load: () =>
      Promise.resolve(
        reader.transaction(() => ({
          events: reader
            .prepare<[], EventRow>('SELECT * FROM webhook_events ORDER BY number')
            .all()
            .map(eventOf),
          present: reader
            .prepare<[], PresentRow>('SELECT kind, subject FROM webhook_present')
            .all()
            .map(({ kind, subject }) => ({ kind, name: subject })),
        }))(),
      ),
  } satisfies EventStore;
}

function eventOf({ number, id, type, subject, at_ms: atMs }: EventRow): StoredEvent {
  const kind = type === 'user.online' || type === 'user.offline' ? 'user' : 'channel';
  return { number, id, type, subject: { kind, name: subject }, atMs };
}
