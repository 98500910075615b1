import {
  type EventStore,
  type EventSubject,
  saysPresent,
  type StoredEvent,
} from '../../src/ports/event-store.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';

export type TestEventStore = EventStore & {
  readonly events: ReadonlyMap<number, StoredEvent>;
  /** While true, every write is refused. */
  broken: boolean;
};

/** An event store whose answers need no time but a promise's. */
export function createTestEventStore(): TestEventStore {
  const events = new Map<number, StoredEvent>();
  const present = new Map<string, EventSubject>();

  function note(subject: EventSubject, isPresent: boolean): void {
    const key = `${subject.kind} ${subject.name}`;
    if (isPresent) present.set(key, subject);
    else present.delete(key);
  }

  function write(change: () => void): Promise<void> {
    if (store.broken) return Promise.reject(storeUnavailable('the disk is full'));
    change();
    return Promise.resolve();
  }

  const store: TestEventStore = {
    events,
    broken: false,
    put: (event) =>
      write(() => {
        events.set(event.number, event);
        note(event.subject, saysPresent(event.type));
      }),
    mark: (subject, isPresent) => write(() => note(subject, isPresent)),
    drop: (number) => write(() => void events.delete(number)),
    clear: () => write(() => events.clear()),
    load: () =>
      Promise.resolve({
        events: [...events.values()].toSorted((a, b) => a.number - b.number),
        present: [...present.values()],
      }),
  };
  return store;
}
