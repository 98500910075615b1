import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TRANSITION } from '../../src/core/outbox/frame.ts';
import { offlineRecord } from '../../src/core/presence/aggregate.ts';
import { DEFAULT_FIELDS } from '../../src/core/presence/fields.ts';
import { SEE_LAST_SEEN, SEE_STATUS, fieldBit } from '../../src/core/presence/visibility.ts';
import { createWatchList } from '../../src/core/presence/watch-list.ts';
import type { PresenceRecord } from '../../src/ports/presence.ts';

const EVERYTHING = SEE_STATUS | SEE_LAST_SEEN | fieldBit(0) | fieldBit(1) | fieldBit(2);
const online = (user: string, version: number, fields = {}): PresenceRecord => ({
  user,
  version,
  s: 'Online',
  fields,
  lastSeenMs: null,
});

function watchListOf() {
  const told: [string, unknown][] = [];
  const list = createWatchList<string>(DEFAULT_FIELDS, (viewer, frame) =>
    told.push([viewer, JSON.parse(frame.text)]),
  );
  return { list, take: () => told.splice(0) };
}

describe('the watch list', () => {
  it('[PRE2] tells each group of viewers what it may see, nothing to those who may not', () => {
    const { list, take } = watchListOf();
    list.watch('all', 'bob', EVERYTHING);
    list.watch('some', 'bob', SEE_STATUS | fieldBit(0));
    list.watch('none', 'bob', 0);
    list.apply(offlineRecord('bob', null, 1));
    expect(list.apply(online('bob', 2, { a: 'Coding', p: 'MyApp' }))).toBe(2);
    expect(take()).toEqual([
      ['all', { t: 'o', id: 'bob', s: 'Online', a: 'Coding', p: 'MyApp' }],
      ['some', { t: 'o', id: 'bob', s: 'Online', a: 'Coding' }],
    ]);
    expect(list.apply(online('bob', 3, { a: 'Coding' }))).toBe(1);
    expect(take()).toEqual([['all', { t: 'u', id: 'bob', p: '' }]]);
  });

  it('a record that is old, or comes twice, tells nobody', () => {
    const { list, take } = watchListOf();
    list.watch('alice', 'bob', EVERYTHING);
    list.apply(offlineRecord('bob', null, 1));
    list.apply(online('bob', 5));
    take();
    expect(list.apply(online('bob', 5, { a: 'x' }))).toBe(-1);
    expect(list.apply(online('bob', 4, { a: 'x' }))).toBe(-1);
    expect(list.apply(online('nobody watches', 9))).toBe(-1);
    expect(take()).toEqual([]);
  });

  it('keeps only the edges that are named, and says whom nobody watches any more', () => {
    const { list, take } = watchListOf();
    for (const user of ['bob', 'carol', 'dave', 'erin']) list.watch('alice', user, EVERYTHING);
    list.watch('frank', 'dave', EVERYTHING);
    expect(list.keepOnly('alice', new Set(['bob', 'erin', 'nobody']))).toEqual(['carol']);
    expect(list.watchedBy('alice')).toEqual(['bob', 'erin']);
    expect(list.edgeCountOf('alice')).toBe(2);
    expect(list.viewOf('alice', 'dave')).toBeUndefined();
    expect(list.counts()).toEqual({ users: 3, edges: 3 });
    list.apply(offlineRecord('dave', null, 1));
    expect(list.apply(online('dave', 2))).toBe(1);
    expect(take()).toEqual([['frank', { t: 'o', id: 'dave', s: 'Online' }]]);
    expect(list.keepOnly('alice', new Set())).toEqual(['bob', 'erin']);
    expect(list.keepOnly('alice', new Set(['bob']))).toEqual([]);
    expect(list.edgeCountOf('alice')).toBe(0);
    expect(list.counts()).toEqual({ users: 1, edges: 1 });
  });

  it('[RES5] a delta names who changed after the stamp or is named as changed, and only real departures', () => {
    const { list } = watchListOf();
    for (const user of ['old', 'new', 'edited', 'back']) list.watch('alice', user, EVERYTHING);
    list.apply(online('old', 10));
    list.apply(online('new', 11));
    list.apply(online('edited', 3));
    list.apply(online('back', 3));
    const sync = JSON.parse(list.deltaSync('alice', 10, ['edited'], ['left', 'back'])) as {
      users: { username: string }[];
      gone: string[];
    };
    expect(sync.users.map((user) => user.username)).toEqual(['new', 'edited']);
    expect(sync.gone).toEqual(['left']);
  });

  it('a viewer whose view of a friend was taken away is shown someone offline, without last seen', () => {
    const { list } = watchListOf();
    list.watch('alice', 'bob', EVERYTHING);
    list.apply(online('bob', 1, { a: 'Coding' }));
    list.watch('alice', 'bob', 0);
    expect(JSON.parse(list.render('alice', 'bob', TRANSITION) ?? '')).toEqual({ t: 'x', id: 'bob' });
    expect(JSON.parse(list.fullSync('alice'))).toEqual({
      t: 'sync',
      users: [{ username: 'bob', s: 'Offline' }],
    });
  });

  it('holds exactly the edges it was given, and is empty when they are gone', () => {
    const user = fc.constantFrom('u1', 'u2', 'u3');
    const viewer = fc.constantFrom('v1', 'v2', 'v3');
    const step = fc.oneof(
      fc.record({ do: fc.constant('watch' as const), viewer, user, view: fc.constantFrom(0, 1, EVERYTHING) }),
      fc.record({ do: fc.constant('unwatch' as const), viewer, user }),
      fc.record({ do: fc.constant('leave' as const), viewer }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { list } = watchListOf();
        const edges = new Map<string, number>();
        const watched = (name: string): boolean => [...edges.keys()].some((key) => key.endsWith(`>${name}`));
        for (const one of steps) {
          if (one.do === 'watch') {
            expect(list.watch(one.viewer, one.user, one.view)).toBe(!watched(one.user));
            edges.set(`${one.viewer}>${one.user}`, one.view);
          } else if (one.do === 'unwatch') {
            const had = edges.delete(`${one.viewer}>${one.user}`);
            expect(list.unwatch(one.viewer, one.user)).toBe(had && !watched(one.user));
          } else {
            const before = ['u1', 'u2', 'u3'].filter(watched);
            for (const key of edges.keys()) if (key.startsWith(`${one.viewer}>`)) edges.delete(key);
            expect([...list.unwatchAll(one.viewer)].toSorted()).toEqual(
              before.filter((name) => !watched(name)),
            );
          }
          expect(list.counts().edges).toBe(edges.size);
          for (const [key, view] of edges) {
            const [v, u] = key.split('>') as [string, string];
            expect(list.viewOf(v, u)).toBe(view);
          }
        }
        for (const name of ['v1', 'v2', 'v3']) list.unwatchAll(name);
        expect(list.counts()).toEqual({ users: 0, edges: 0 });
      }),
    );
  });
});
