import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addKey, createKeyOrder, keysBehind, removeKey } from '../../src/core/channel/key-order.ts';

function keysInOrder() {
  const order = createKeyOrder();
  const set = new Set<string>();
  let asked = 0;
  const has = (key: string): boolean => {
    asked++;
    return set.has(key);
  };
  return {
    order,
    set,
    add(key: string) {
      if (set.has(key)) return;
      set.add(key);
      addKey(order, key);
    },
    remove(key: string) {
      if (set.delete(key)) removeKey(order, has);
    },
    page: (after: string | null, limit: number) => keysBehind(order, after, limit, has),
    /** How often it was asked for a key since the last call. */
    asked() {
      const before = asked;
      asked = 0;
      return before;
    },
  };
}

const key = (i: number): string => String(i).padStart(6, '0');

describe('keys in order', () => {
  it('[MAP1] pages are those of a sorted list, whatever came and went between them', () => {
    const name = fc.integer({ min: 0, max: 40 }).map(key);
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom('add', 'remove'), key: name }),
      fc.record({
        do: fc.constant('page'),
        key: fc.option(name),
        limit: fc.integer({ min: 1, max: 8 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const keys = keysInOrder();
        for (const next of steps) {
          if ('limit' in next) {
            const behind = [...keys.set].filter((each) => next.key === null || each > next.key).sort();
            expect(keys.page(next.key, next.limit)).toEqual({
              keys: behind.slice(0, next.limit),
              more: behind.length > next.limit,
            });
          } else if (next.key !== null && next.do === 'add') keys.add(next.key);
          else if (next.key !== null) keys.remove(next.key);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keys that come and go without anybody reading a page do not pile up', () => {
    const keys = keysInOrder();
    for (let i = 0; i < 100_000; i++) {
      keys.add(key(i));
      if (i >= 10) keys.remove(key(i - 10));
    }
    expect(keys.order.sorted.length + keys.order.added.length).toBeLessThan(3_000);
    expect(keys.page(null, 100).keys).toEqual([...keys.set].sort());
  });

  it('a page of a hundred thousand keys costs what is on it, also while some come and go', () => {
    const keys = keysInOrder();
    for (let i = 0; i < 100_000; i++) keys.add(key(i));
    keys.page(null, 1);
    keys.asked();
    for (let i = 0; i < 1_000; i++) {
      keys.remove(key(i));
      keys.add(key(100_000 + i));
    }
    expect(keys.page(null, 10).keys[0]).toBe(key(1_000));
    expect(keys.asked()).toBeLessThan(1_100);
  });
});
