import { describe, expect, it } from 'vitest';
import type { PresenceMessage } from '../src/core/index.ts';
import { type Presence, createPresenceStore } from '../src/presence-store.ts';

type Field = 'a' | 'p' | 'l';

/** A store whose end of turn is called by hand. */
function store(): {
  presence: Presence<Field>;
  apply(message: object): void;
  endTurn(): void;
  clear(): void;
  errors: unknown[];
} {
  const turns: (() => void)[] = [];
  const errors: unknown[] = [];
  const made = createPresenceStore<Field>(
    ['a', 'p', 'l'],
    (run) => turns.push(run),
    (error) => errors.push(error),
  );
  return {
    presence: made.presence,
    apply: (message) => made.apply(message as PresenceMessage),
    clear: made.clear,
    endTurn() {
      for (const run of turns.splice(0)) run();
    },
    errors,
  };
}

const BOB = { t: 'o', id: 'bob', s: 'Online', a: 'Coding' };
const CAROL = { t: 'o', id: 'carol', s: 'Away' };

describe('the presence store', () => {
  it('is a collection: get, size, iteration', () => {
    const { presence, apply } = store();
    apply({
      t: 'sync',
      users: [
        { username: 'bob', s: 'Online' },
        { username: 'carol', s: 'Offline', ts: 5 },
      ],
    });
    expect(presence.size).toBe(2);
    expect(presence.get('carol')).toEqual({ id: 'carol', status: 'Offline', lastSeen: 5 });
    expect(presence.get('dave')).toBeUndefined();
    const ids: string[] = [];
    for (const friend of presence) ids.push(friend.id);
    expect(ids).toEqual(['bob', 'carol']);
  });

  it('tells nothing of changes that cancel out within a turn', () => {
    const { presence, apply, endTurn } = store();
    apply(BOB);
    endTurn();
    const told: unknown[] = [];
    presence.subscribe((changes) => told.push(changes));
    presence.on('bob', (friend) => told.push(friend));
    presence.on('carol', (friend) => told.push(friend));
    apply(CAROL);
    apply({ t: 'u', id: 'bob', a: 'Reading' });
    apply({ t: 'sync', users: [], delta: true, gone: ['carol'] });
    apply({ t: 'u', id: 'bob', a: 'Coding' });
    endTurn();
    expect(told).toEqual([]);
    apply({ t: 'u', id: 'bob', a: 'Reading' });
    apply(CAROL);
    apply({ t: 'sync', users: [], delta: true, gone: ['carol'] });
    endTurn();
    expect(told).toHaveLength(2);
    expect(told[1]).toMatchObject([{ id: 'bob', before: { a: 'Coding' }, after: { a: 'Reading' } }]);
  });

  it('tells all changes of a turn at once, each friend once, from before the first to after the last', () => {
    const { presence, apply, endTurn } = store();
    const batches: unknown[] = [];
    apply(BOB);
    endTurn();
    presence.subscribe((changes) => batches.push(changes));
    apply({ t: 'u', id: 'bob', a: 'Reading' });
    apply(CAROL);
    apply({ t: 'u', id: 'bob', a: 'Writing' });
    expect(batches).toEqual([]);
    endTurn();
    expect(batches).toEqual([
      [
        {
          id: 'bob',
          before: { id: 'bob', status: 'Online', lastSeen: null, a: 'Coding' },
          after: { id: 'bob', status: 'Online', lastSeen: null, a: 'Writing' },
        },
        { id: 'carol', before: undefined, after: { id: 'carol', status: 'Away', lastSeen: null } },
      ],
    ]);
    endTurn();
    expect(batches).toHaveLength(1);
  });

  it('tells nothing where nothing changed', () => {
    const { presence, apply, endTurn } = store();
    apply(BOB);
    endTurn();
    const batches: unknown[] = [];
    presence.subscribe((changes) => batches.push(changes));
    apply(BOB);
    apply({ t: 'sync', users: [{ username: 'bob', s: 'Online', a: 'Coding' }] });
    endTurn();
    expect(batches).toEqual([]);
  });

  it('gives the same snapshot until something changes, and another one then', () => {
    const { presence, apply } = store();
    apply(BOB);
    const first = presence.getSnapshot();
    expect(presence.getSnapshot()).toBe(first);
    apply(BOB);
    expect(presence.getSnapshot()).toBe(first);
    apply(CAROL);
    expect(presence.getSnapshot()).not.toBe(first);
    expect(first.map((friend) => friend.id)).toEqual(['bob']);
    expect(presence.getSnapshot().map((friend) => friend.id)).toEqual(['bob', 'carol']);
  });

  it('tells who listens to one friend of that friend alone, and of their going', () => {
    const { presence, apply, endTurn, clear } = store();
    const heard: unknown[] = [];
    const off = presence.on('bob', (friend) => heard.push(friend?.a ?? friend));
    apply(BOB);
    apply(CAROL);
    endTurn();
    apply({ t: 'u', id: 'carol', a: 'x' });
    endTurn();
    clear();
    endTurn();
    expect(heard).toEqual(['Coding', undefined]);
    off();
    apply(BOB);
    endTurn();
    expect(heard).toHaveLength(2);
  });

  it('a listener that throws is reported and keeps nobody else from hearing', () => {
    const { presence, apply, endTurn, errors } = store();
    const heard: string[] = [];
    presence.on('bob', () => {
      throw new Error('mine');
    });
    presence.subscribe(() => {
      throw new Error('mine too');
    });
    presence.subscribe(() => heard.push('second'));
    apply(BOB);
    endTurn();
    expect(heard).toEqual(['second']);
    expect(errors.map(String)).toEqual(['Error: mine', 'Error: mine too']);
  });

  it('a function that listens twice has two ends', () => {
    const { presence, apply, endTurn } = store();
    let calls = 0;
    const listener = (): void => void calls++;
    const off = presence.subscribe(listener);
    presence.subscribe(listener);
    off();
    off();
    apply(BOB);
    endTurn();
    expect(calls).toBe(1);
  });

  it('changes that a listener causes come in the next batch', () => {
    const { presence, apply, endTurn } = store();
    const batches: string[][] = [];
    presence.subscribe((changes) => {
      batches.push(changes.map((change) => change.id));
      if (batches.length === 1) apply(CAROL);
    });
    apply(BOB);
    endTurn();
    endTurn();
    expect(batches).toEqual([['bob'], ['carol']]);
  });
});
