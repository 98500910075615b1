import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { type People, SEEN_EVERY_MS, createPeople } from '../src/yjs/people.ts';

let awareness: Awareness;
let people: People;
const origin = {};
/** So long ago it was that others were last heard of, ms. */
let agoMs = 0;

/** How often y-protocols looks for who is gone, ms. */
const LOOK_MS = 3_000;

beforeEach(() => {
  agoMs = 0;
  // y-protocols has its own hold of the clock: timers alone are the test's.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  awareness = new Awareness(new Y.Doc());
  people = createPeople(awareness, origin, () => Date.now() - agoMs);
  people.take([{ cl: 5, n: 9, by: 'bob', d: { at: 1 } }], true);
});
afterEach(() => {
  awareness.destroy();
  vi.useRealTimers();
});

it('[DOC6] who is there and quiet is not taken for gone for as long as they are marked as seen', () => {
  agoMs = 31_000;
  people.touch();
  vi.advanceTimersByTime(LOOK_MS);
  expect(awareness.getStates().has(5), 'nobody was heard of for so long').toBe(false);
  people.take([{ cl: 5, n: 9, by: 'bob', d: { at: 1 } }], true);
  agoMs = 0;
  people.touch();
  vi.advanceTimersByTime(LOOK_MS);
  expect(awareness.getStates().get(5)).toEqual({ at: 1 });
  expect(SEEN_EVERY_MS).toBeLessThan(30_000);
});

it('[DOC6] who was taken for gone comes back by the clock that they had, and a state that says the same is no change', () => {
  const changes: unknown[] = [];
  const updates: unknown[] = [];
  awareness.on('change', (change: unknown, by: unknown) => changes.push([change, by === origin]));
  awareness.on('update', (change: unknown) => updates.push(change));
  people.take([], true);
  people.take([{ cl: 5, n: 9, by: 'bob', d: { at: 1 } }], true);
  people.take([{ cl: 5, n: 10, by: 'bob', d: { at: 1 } }], false);
  expect(changes).toEqual([
    [{ added: [], updated: [], removed: [5] }, true],
    [{ added: [5], updated: [], removed: [] }, true],
  ]);
  expect(updates.at(-1)).toEqual({ added: [], updated: [5], removed: [] });
});

it('[DOC6] never touches the own state, and takes what is no object for the end of one', () => {
  awareness.setLocalState({ own: true });
  people.take(
    [
      { cl: awareness.clientID, n: 99, by: 'eve', d: { own: false } },
      { cl: 5, n: 10, by: 'bob', d: 7 },
    ],
    false,
  );
  expect([...awareness.getStates()]).toEqual([[awareness.clientID, { own: true }]]);
  people.take([{ cl: 6, n: 1, by: 'carol', d: {} }], true);
  people.clear();
  expect([...awareness.getStates().keys()]).toEqual([awareness.clientID]);
  expect(people.userOf(6)).toBeUndefined();
});
