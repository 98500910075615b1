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
  /** The store of another node, over the same. */
  another(node: string): TestEventStore;
};

type Note = { readonly subject: EventSubject; readonly node: string };

type Shared = {
  readonly events: Map<string, Map<number, StoredEvent>>;
  readonly present: Map<string, Note>;
};

/** An event store whose answers need no time but a promise's. */
export function createTestEventStore(
  node = '',
  shared: Shared = { events: new Map(), present: new Map() },
): TestEventStore {
  const { present } = shared;
  const events = eventsOf(node);

  function eventsOf(name: string): Map<number, StoredEvent> {
    const found = shared.events.get(name) ?? new Map<number, StoredEvent>();
    shared.events.set(name, found);
    return found;
  }

  function note(subject: EventSubject, isPresent: boolean): void {
    const key = `${subject.kind} ${subject.name}`;
    if (isPresent) present.set(key, { subject, node });
    else present.delete(key);
  }

  function write(change: () => void): Promise<void> {
    if (store.broken) return Promise.reject(storeUnavailable('the disk is full'));
    change();
    return Promise.resolve();
  }

  const inOrder = (all: ReadonlyMap<number, StoredEvent>): StoredEvent[] =>
    [...all.values()].toSorted((a, b) => a.number - b.number);

  const store: TestEventStore = {
    events,
    broken: false,
    another: (name) => createTestEventStore(name, shared),
    put: (event) =>
      write(() => {
        events.set(event.number, event);
        note(event.subject, saysPresent(event.type));
      }),
    mark: (subject, isPresent) => write(() => note(subject, isPresent)),
    drop: (number) => write(() => void events.delete(number)),
    clear: () => write(() => events.clear()),
    async adopt(dead) {
      await write(() => {
        if (dead === node) return;
        const left = inOrder(eventsOf(dead));
        let number = Math.min(1, ...events.keys()) - left.length;
        for (const event of left) events.set(number, { ...event, number: number++ });
        eventsOf(dead).clear();
        for (const [key, one] of present) if (one.node === dead) present.set(key, { ...one, node });
      });
      return store.load();
    },
    owners: () => {
      const kept = [...shared.events].flatMap(([name, { size }]) => (size > 0 ? [name] : []));
      const all = new Set([...kept, ...[...present.values()].map((one) => one.node)]);
      all.delete(node);
      return Promise.resolve([...all]);
    },
    load: () =>
      Promise.resolve({
        events: inOrder(events),
        present: [...present.values()].filter((one) => one.node === node).map(({ subject }) => subject),
      }),
  };
  return store;
}
