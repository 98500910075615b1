import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PresenceMessage, createFriends } from '../src/core/index.ts';
import { plain, referenceFold } from './reference-fold.ts';
import { presenceMessage } from './wire-arbitraries.ts';

const message = (value: object): PresenceMessage => value as PresenceMessage;

function friendsWith(...messages: object[]): ReturnType<typeof createFriends<'a' | 'p' | 'l'>> {
  const friends = createFriends(['a', 'p', 'l']);
  for (const each of messages) friends.apply(message(each));
  return friends;
}

describe('the friends', () => {
  it('[PRE10] a full sync is the whole truth', () => {
    const friends = friendsWith({
      t: 'sync',
      users: [
        { username: 'bob', s: 'Online', a: 'Coding' },
        { username: 'carol', s: 'Offline', ts: 7 },
      ],
    });
    expect([...friends.all.values()]).toEqual([
      { id: 'bob', status: 'Online', lastSeen: null, a: 'Coding' },
      { id: 'carol', status: 'Offline', lastSeen: 7 },
    ]);
    const changes = friends.apply(
      message({ t: 'sync', users: [{ username: 'bob', s: 'Online', a: 'Coding' }] }),
    );
    expect(changes).toEqual([
      { id: 'carol', before: { id: 'carol', status: 'Offline', lastSeen: 7 }, after: undefined },
    ]);
  });

  it('[PRE2] u changes what it names, and an empty string clears', () => {
    const friends = friendsWith({ t: 'o', id: 'bob', s: 'Online', a: 'Coding', p: 'MyApp' });
    friends.apply(message({ t: 'u', id: 'bob', s: 'Away', a: '' }));
    expect(friends.all.get('bob')).toEqual({ id: 'bob', status: 'Away', lastSeen: null, p: 'MyApp' });
  });

  it('[PRE2] o replaces the whole state; x leaves when the friend was last seen, where it may be known', () => {
    const friends = friendsWith(
      { t: 'o', id: 'bob', s: 'Online', a: 'Coding' },
      { t: 'o', id: 'bob', s: 'Busy', l: 'TS' },
    );
    expect(friends.all.get('bob')).toEqual({ id: 'bob', status: 'Busy', lastSeen: null, l: 'TS' });
    friends.apply(message({ t: 'x', id: 'bob', ts: 1763715651000 }));
    expect(friends.all.get('bob')).toEqual({ id: 'bob', status: 'Offline', lastSeen: 1763715651000 });
    friends.apply(message({ t: 'x', id: 'bob' }));
    expect(friends.all.get('bob')).toEqual({ id: 'bob', status: 'Offline', lastSeen: null });
  });

  it('[PRE8] someone new arrives as o or x; u about somebody unknown is passed over', () => {
    const friends = friendsWith(
      { t: 'o', id: 'bob', s: 'Away' },
      { t: 'x', id: 'carol' },
      { t: 'u', id: 'dave', s: 'Busy' },
    );
    expect([...friends.all.keys()]).toEqual(['bob', 'carol']);
  });

  it('[MSG3] fields that were not asked for are not taken over, `__proto__` least of all', () => {
    const friends = createFriends(['mood']);
    friends.apply(
      message(
        JSON.parse(
          '{"t":"o","id":"bob","s":"Online","mood":"ok","a":"x","__proto__":{"status":"Busy"}}',
        ) as object,
      ),
    );
    expect(friends.all.get('bob')).toStrictEqual({ id: 'bob', status: 'Online', lastSeen: null, mood: 'ok' });
  });

  it('a message that repeats what is known changes nothing, and keeps the friend the same object', () => {
    fc.assert(
      fc.property(fc.array(presenceMessage, { maxLength: 20 }), (messages) => {
        const friends = friendsWith(...messages);
        const before = new Map(friends.all);
        const users = [...friends.all.values()].map(({ id, status, lastSeen, ...fields }) => ({
          username: id,
          s: status,
          ...(lastSeen === null ? {} : { ts: lastSeen }),
          ...fields,
        }));
        expect(friends.apply(message({ t: 'sync', users }))).toEqual([]);
        for (const [id, friend] of friends.all) expect(friend).toBe(before.get(id));
      }),
    );
  });

  it('equal the reference after any messages, and the changes told lead there', () => {
    fc.assert(
      fc.property(fc.array(presenceMessage, { maxLength: 40 }), (messages) => {
        const friends = createFriends(['a', 'p', 'l']);
        const told = new Map<string, object>();
        for (const each of messages) {
          for (const { id, before, after } of friends.apply(message(each))) {
            expect(told.get(id), 'a change starts where the one before ended').toBe(before);
            expect(after).not.toEqual(before);
            if (after === undefined) told.delete(id);
            else told.set(id, after);
          }
        }
        const expected = referenceFold(messages);
        expect(new Map([...friends.all].map(([id, friend]) => [id, plain(friend)]))).toEqual(expected);
        expect(new Map(told)).toEqual(new Map(friends.all));
      }),
      { numRuns: 500 },
    );
  });
});
