import fc from 'fast-check';

/** Few ids, so that messages meet; odd ones among them. */
export const friendId = fc.constantFrom('bob', 'carol', 'auth0|1', '{x}:y', '__proto__', 'constructor');

const status = fc.constantFrom('Online', 'Away', 'Busy');
const value = fc.constantFrom('', 'Coding', 'Review', 'ß🙂');
const fields = { a: value, p: value, l: value, other: value };
const stamp = fc.integer({ min: 1, max: 1000 });

const onlineEntry = fc.record(
  { username: friendId, s: status, ...fields },
  { requiredKeys: ['username', 's'] },
);
const offlineEntry = fc.record(
  { username: friendId, s: fc.constant('Offline'), ts: stamp },
  { requiredKeys: ['username', 's'] },
);
const users = fc.uniqueArray(fc.oneof(onlineEntry, offlineEntry), {
  selector: (user) => user.username,
  maxLength: 6,
});

export const fullSync = fc.record({ t: fc.constant('sync'), users });

export const presenceMessage: fc.Arbitrary<object> = fc.oneof(
  fullSync,
  fc.record(
    { t: fc.constant('sync'), users, delta: fc.constant(true), gone: fc.uniqueArray(friendId) },
    { requiredKeys: ['t', 'users', 'delta'] },
  ),
  fc.record({ t: fc.constant('u'), id: friendId, s: status, ...fields }, { requiredKeys: ['t', 'id'] }),
  fc.record({ t: fc.constant('o'), id: friendId, s: status, ...fields }, { requiredKeys: ['t', 'id', 's'] }),
  fc.record({ t: fc.constant('x'), id: friendId, ts: stamp }, { requiredKeys: ['t', 'id'] }),
);
