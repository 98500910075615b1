import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allTold,
  type AwarenessTable,
  claim,
  expire,
  hear,
  isForeign,
  leave,
  newAwarenessTable,
  say,
  takeChanges,
} from '../../../src/core/document/awareness.ts';
import type { AwarenessOf } from '../../../src/ports/broker.ts';

/** What a client makes of what it is sent, by the rules of y-protocols: an older clock counts nothing, the end counts at the same one. */
function createReader() {
  const states = new Map<number, { clock: number; state: string | null }>();
  return {
    read(items: readonly AwarenessOf[]): void {
      for (const { client, clock, state } of items) {
        const known = states.get(client);
        if (known !== undefined && (clock < known.clock || (clock === known.clock && state !== null)))
          throw new Error(
            `client ${client} was told ${clock} behind ${known.clock}: it would be passed over`,
          );
        states.set(client, { clock, state });
      }
    },
    shown: () =>
      new Map(
        [...states].flatMap(([client, { state }]) => (state === null ? [] : [[client, state] as const])),
      ),
  };
}

const CLIENTS = [1, 2];
const USER: Readonly<Record<number, string>> = { 1: 'ann', 2: 'bob' };
const NODES = ['a', 'b', 'c'] as const;

const step = fc.record({
  node: fc.nat(2),
  client: fc.constantFrom(...CLIENTS),
  what: fc.constantFrom(
    'claim',
    'say',
    'say',
    'say',
    'end',
    'leave',
    'flush',
    'flush',
    'hide',
    'show',
    'tell',
  ),
  clock: fc.integer({ min: 0, max: 6 }),
  lost: fc.boolean(),
});

describe('[DOC6] where people are, on several nodes', () => {
  it('every reader of every node can follow what it is told, and in the end all see the same, whatever was lost', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 80, size: 'max' }), (steps) => {
        const tables = NODES.map(() => newAwarenessTable());
        const readers = NODES.map(() => createReader());
        const sessions = NODES.map(() => new Set<number>());
        const hidden = new Set<string>();
        let nowMs = 1_000;
        const own = (node: number, client: number): string => `${NODES[node] ?? ''} ${client}`;

        function deliver(from: number, items: readonly AwarenessOf[], all: boolean, lost: boolean): void {
          for (const [to, table] of tables.entries())
            if (to !== from && !(lost && to === (from + 1) % 3))
              hear(table, { node: NODES[from] ?? '', items, all }, 0);
        }
        function flush(node: number, lost: boolean): void {
          const items = takeChanges(tables[node] as AwarenessTable, (user) => !hidden.has(user), ++nowMs);
          readers[node]?.read(items);
          const told = items.filter(({ here }) => here);
          if (told.length > 0) deliver(node, told, false, lost);
        }
        function tellAll(node: number): void {
          flush(node, false);
          const all = allTold(tables[node] as AwarenessTable).filter(({ here }) => here);
          deliver(node, all, true, false);
        }

        for (const { node, client, what, clock, lost } of steps) {
          const table = tables[node] as AwarenessTable;
          const user = USER[client] ?? '';
          switch (what) {
            case 'claim': {
              if (isForeign(table, client, user)) break;
              sessions[node]?.add(client);
              claim(table, client, user, own(node, client));
              break;
            }
            case 'say':
              if (sessions[node]?.has(client) === true)
                say(table, client, user, own(node, client), clock, JSON.stringify({ at: node, clock }));
              break;
            case 'end':
              if (sessions[node]?.has(client) === true)
                say(table, client, user, own(node, client), clock, null);
              break;
            case 'leave':
              leave(table, [client], own(node, client));
              sessions[node]?.delete(client);
              break;
            case 'flush':
              flush(node, lost);
              break;
            case 'hide':
            case 'show':
              if (what === 'hide') hidden.add(user);
              else hidden.delete(user);
              for (const [n, one] of tables.entries()) {
                for (const entry of one.entries.values())
                  if (entry.user === user && entry.holder.kind === 'session') one.changed.add(entry.client);
                flush(n, lost);
              }
              break;
            case 'tell':
              tellAll(node);
          }
        }
        for (let round = 0; round < 4; round++) for (const node of NODES.keys()) tellAll(node);
        for (const node of NODES.keys()) flush(node, false);
        for (const [node, reader] of readers.entries()) {
          const told = allTold(tables[node] as AwarenessTable);
          expect(reader.shown()).toEqual(new Map(told.map(({ client, state }) => [client, state])));
        }
        // Whoever has said something and is there is seen, and nobody else.
        const there = new Set<number>();
        for (const { entries } of tables)
          for (const { client, holder, state, user } of entries.values())
            if (holder.kind === 'session' && state !== null && !hidden.has(user)) there.add(client);
        expect(new Set(readers[0]?.shown().keys())).toEqual(there);
        const views = readers.map((reader) => JSON.stringify([...reader.shown()].sort(([a], [b]) => a - b)));
        expect(new Set(views).size).toBe(1);
      }),
      { numRuns: 2_000 },
    );
  });

  it('what a node told and does not tell again goes with the time', () => {
    const table = newAwarenessTable();
    const items = [{ client: 1, clock: 1, user: 'ann', state: '{}' }];
    hear(table, { node: 'b', items, all: false }, 1_000);
    takeChanges(table, () => true, 5);
    expire(table, 1_000);
    expect(takeChanges(table, () => true, 5)).toEqual([]);
    expire(table, 1_001);
    expect(takeChanges(table, () => true, 5)).toEqual([
      { client: 1, clock: 5, user: 'ann', state: null, here: false },
    ]);
    expect(table.entries.size).toBe(0);
    expect(table.units).toBe(0);
  });
});
