import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventStore, EventSubject, EventType, StoredEvent } from '../ports/event-store.ts';

export type EventStoreSubject = {
  readonly store: EventStore;
  /** Ends the process and begins it anew over what it kept. */
  reopen(): Promise<EventStore>;
  close(): Promise<void>;
};

const ALICE: EventSubject = { kind: 'user', name: 'alice' };

function event(number: number, type: EventType, name = 'alice'): StoredEvent {
  const kind = type.startsWith('user.') ? 'user' : 'channel';
  return { number, id: `evt_${number}`, type, subject: { kind, name }, atMs: 1_700_000_000_000 + number };
}

/** What every `EventStore` must do. `open` gives a new, empty store for each test. */
export function eventStoreContract(name: string, open: () => Promise<EventStoreSubject>): void {
  describe(`EventStore: ${name}`, () => {
    let subject: EventStoreSubject;
    let store: EventStore;
    beforeEach(async () => {
      subject = await open();
      store = subject.store;
    });
    afterEach(() => subject.close());

    it('a new store is empty', async () => {
      expect(await store.load()).toEqual({ events: [], present: [] });
    });

    it('events are there after reopening, every field of them, by their numbers', async () => {
      const events = [
        event(1, 'user.online', 'auth0|{a}:b'),
        event(2, 'channel.occupied', 'chat:%F0%9F%92%9A'),
        event(3, 'user.offline', 'zoë "\\ 💚'),
        event(9_007_199_254_740_000, 'channel.vacated', '__proto__'),
      ];
      await Promise.all(events.map((one) => store.put(one)));
      expect((await (await subject.reopen()).load()).events).toEqual(events);
    });

    it('a dropped event is gone, and the others are not', async () => {
      await Promise.all([1, 2, 3].map((number) => store.put(event(number, 'user.online', `u${number}`))));
      await store.drop(2);
      await store.drop(7);
      expect((await (await subject.reopen()).load()).events.map(({ number }) => number)).toEqual([1, 3]);
    });

    it('who is there is noted with the event, and stays noted when it is dropped', async () => {
      await store.put(event(1, 'user.online'));
      await store.put(event(2, 'channel.occupied', 'alice'));
      await store.put(event(3, 'user.online', 'bob'));
      await store.put(event(4, 'user.offline', 'bob'));
      for (const number of [1, 2, 3, 4]) await store.drop(number);
      const { events, present } = await (await subject.reopen()).load();
      expect(events).toEqual([]);
      expect(present.toSorted((a, b) => a.kind.localeCompare(b.kind))).toEqual([
        { kind: 'channel', name: 'alice' },
        ALICE,
      ]);
    });

    it('who is there may be noted without an event, any number of times', async () => {
      await store.mark(ALICE, true);
      await store.mark(ALICE, true);
      await store.mark({ kind: 'user', name: 'bob' }, false);
      expect(await (await subject.reopen()).load()).toEqual({ events: [], present: [ALICE] });
    });

    it('what is noted last counts', async () => {
      void store.mark(ALICE, true);
      void store.put(event(1, 'user.offline'));
      void store.put(event(2, 'user.online'));
      await store.mark(ALICE, false);
      expect((await (await subject.reopen()).load()).present).toEqual([]);
    });

    it('clearing gives up the events and leaves who is there', async () => {
      await store.put(event(1, 'user.online'));
      await store.put(event(2, 'user.online', 'bob'));
      await store.clear();
      await store.put(event(3, 'user.offline', 'bob'));
      const { events, present } = await (await subject.reopen()).load();
      expect(events).toEqual([event(3, 'user.offline', 'bob')]);
      expect(present).toEqual([ALICE]);
    });
  });
}
