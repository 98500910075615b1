import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventStore, EventSubject, EventType, StoredEvent } from '../ports/event-store.ts';

export type EventStoreSubject = {
  readonly store: EventStore;
  /** Ends the process and begins it anew over what it kept. */
  reopen(): Promise<EventStore>;
  /** The store of another node that shares it. */
  another(node: string): EventStore;
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

    describe('of several nodes', () => {
      it('each has its own events, under numbers of its own', async () => {
        const other = subject.another('n2');
        await store.put(event(1, 'user.online'));
        await other.put(event(1, 'user.online', 'bob'));
        await other.put(event(2, 'user.online', 'carol'));
        expect((await store.load()).events).toEqual([event(1, 'user.online')]);
        await store.drop(1);
        await store.drop(2);
        expect((await other.load()).events.map(({ number }) => number)).toEqual([1, 2]);
        await store.put(event(2, 'user.online', 'dave'));
        await other.clear();
        expect((await other.load()).events).toEqual([]);
        expect((await store.load()).events).toEqual([event(2, 'user.online', 'dave')]);
      });

      it('who is there belongs to the node that said it last, and who is gone is gone for all', async () => {
        const other = subject.another('n2');
        await store.mark(ALICE, true);
        await other.mark(ALICE, true);
        expect([(await store.load()).present, (await other.load()).present]).toEqual([[], [ALICE]]);
        await store.put(event(1, 'user.offline'));
        expect((await other.load()).present).toEqual([]);
      });

      it('what a dead node left is taken over once, in its order, and below what is there', async () => {
        const [dead, third] = [subject.another('dead'), subject.another('n3')];
        await store.put(event(1, 'user.online'));
        const left = [7, 8, 9].map((number) => event(number, 'user.online', `u${number}`));
        for (const one of left) await dead.put(one);
        await dead.mark({ kind: 'channel', name: 'chat' }, true);
        const [mine, theirs] = await Promise.all([store.adopt('dead'), third.adopt('dead')]);
        const [taker, taken] = mine.events.length > 1 ? [store, mine] : [third, theirs];
        expect(mine.events.length + theirs.events.length).toBe(4);
        const adopted = taken.events.filter(({ number }) => number <= 0);
        expect(adopted.map(({ number: _, ...rest }) => rest)).toEqual(
          left.map(({ number: _, ...rest }) => rest),
        );
        expect(adopted.map(({ number }) => number)).toEqual(
          adopted.map(({ number }) => number).toSorted((a, b) => a - b),
        );
        expect(taken.events.slice(0, 3)).toEqual(adopted);
        expect(taken.present).toContainEqual({ kind: 'channel', name: 'chat' });
        expect(await dead.load()).toEqual({ events: [], present: [] });
        // Another one comes below those again, and each can be dropped by its number.
        await subject.another('dead2').put(event(3, 'user.online', 'late'));
        const again = await taker.adopt('dead2');
        expect(again.events[0]?.subject.name).toBe('late');
        expect(new Set(again.events.map(({ number }) => number)).size).toBe(again.events.length);
        for (const { number } of again.events) await taker.drop(number);
        expect((await taker.load()).events).toEqual([]);
      });

      it('names the others of which something is kept, gone or not, and itself never', async () => {
        await store.put(event(1, 'user.online'));
        await subject.another('n2').put(event(1, 'user.online', 'bob'));
        await subject.another('n3').mark({ kind: 'channel', name: 'chat' }, true);
        expect((await store.owners()).toSorted()).toEqual(['n2', 'n3']);
        for (const node of ['n2', 'n3']) await store.adopt(node);
        expect(await store.owners()).toEqual([]);
      });

      it('a node that left nothing, or that is this one, changes nothing', async () => {
        await store.put(event(1, 'user.online'));
        const before = await store.load();
        expect(await store.adopt('never')).toEqual(before);
        const other = subject.another('n2');
        await other.put(event(1, 'user.online', 'bob'));
        expect((await other.adopt('n2')).events).toEqual([event(1, 'user.online', 'bob')]);
      });
    });
  });
}
