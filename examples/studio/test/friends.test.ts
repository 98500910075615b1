import { describe, expect, it } from 'vitest';
import { initialsOf, linkTo, personInAddress } from '../src/account/person.ts';
import { type FriendView, changeBetween, inOrder, sentenceFor, viewOf } from '../src/presence/friend-view.ts';
import { agoText } from '../src/presence/last-seen.ts';

const bob: FriendView = {
  user: 'bob',
  status: 'Online',
  activity: 'Reading',
  project: '',
  language: '',
  seenMs: null,
};
const carol: FriendView = { ...bob, user: 'carol', activity: '' };

it('shows what the SDK keeps of a friend, absent fields as empty', () => {
  expect(viewOf({ id: 'bob', status: 'Busy', lastSeen: null, a: 'Reading', l: 'Rust' })).toEqual({
    user: 'bob',
    status: 'Busy',
    activity: 'Reading',
    project: '',
    language: 'Rust',
    seenMs: null,
  });
});

describe('what changed', () => {
  it('is nothing between two equal views', () => {
    expect(changeBetween(bob, { ...bob })).toBeNull();
    expect(changeBetween(undefined, undefined)).toBeNull();
  });

  it('names the fields that differ', () => {
    const after = { ...bob, status: 'Busy', project: 'atlas' } as const;
    expect(changeBetween(bob, after)).toEqual({
      kind: 'changed',
      friend: after,
      fields: ['status', 'project'],
    });
  });

  it('tells a new friend from a lost one', () => {
    expect(changeBetween(undefined, carol)).toEqual({ kind: 'came', friend: carol });
    expect(changeBetween(bob, undefined)).toEqual({ kind: 'left', friend: bob });
  });

  it('does not take a later "last seen" for a change', () => {
    const offline = { ...bob, status: 'Offline', seenMs: 5 } as const;
    expect(changeBetween(offline, { ...offline, seenMs: 6 })).toBeNull();
  });

  it('can be said in a sentence', () => {
    expect(
      sentenceFor({ kind: 'changed', friend: { ...bob, status: 'Away' }, fields: ['status'] }, 'Bob'),
    ).toBe('Bob is away.');
    expect(
      sentenceFor({ kind: 'changed', friend: { ...bob, activity: '' }, fields: ['activity'] }, 'Bob'),
    ).toBe('Bob: no activity.');
    expect(
      sentenceFor(
        { kind: 'changed', friend: { ...bob, project: 'atlas' }, fields: ['activity', 'project'] },
        'Bob',
      ),
    ).toBe('Bob: activity Reading, project atlas.');
    expect(sentenceFor({ kind: 'left', friend: bob }, 'Bob')).toBe('You no longer follow Bob.');
  });
});

it('orders online friends by name, then offline ones by when they were seen, unknown last', () => {
  const offline = (user: string, seenMs: number | null): FriendView => ({
    ...bob,
    user,
    status: 'Offline',
    seenMs,
  });
  const friends = [
    offline('x', null),
    offline('old', 10),
    { ...bob, user: 'zoe', status: 'Busy' as const },
    offline('new', 20),
    carol,
  ];
  expect(inOrder(friends, (user) => user).map(({ user }) => user)).toEqual([
    'carol',
    'zoe',
    'new',
    'old',
    'x',
  ]);
});

describe('last seen', () => {
  const now = Date.UTC(2026, 2, 20, 12);
  it.each([
    [-5_000, 'just now'],
    [59_999, 'just now'],
    [60_000, '1 min ago'],
    [3 * 60_000 + 20_000, '3 min ago'],
    [59 * 60_000 + 59_000, '59 min ago'],
    [2 * 3_600_000, '2 h ago'],
    [24 * 3_600_000, 'yesterday'],
    [6 * 24 * 3_600_000, '6 days ago'],
    [10 * 24 * 3_600_000, '10 Mar 2026'],
  ])('%i ms ago is "%s"', (ago, text) => {
    expect(agoText(now - ago, now, 'en-GB')).toBe(text);
  });
});

describe('a person', () => {
  it('has a link that leads back to them, whatever their id', () => {
    for (const user of ['alice', 'auth0|1', 'a:b', 'zoë & co', '{x}'])
      expect(personInAddress(linkTo(user))).toBe(user);
    expect(personInAddress('')).toBeNull();
    expect(personInAddress('?as=')).toBeNull();
  });

  it('has initials', () => {
    expect(['Alice Moreau', 'Bob', 'Ana de la Cruz', 'émile zola', ''].map(initialsOf)).toEqual([
      'AM',
      'B',
      'AC',
      'ÉZ',
      '',
    ]);
  });
});
