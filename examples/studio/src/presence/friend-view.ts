import type { DefaultField, Friend } from '@carillon/client';

/** A friend as the page shows them. Absent fields are empty strings, so that a change is a plain comparison. */
export type FriendView = {
  readonly user: string;
  readonly status: Friend['status'];
  readonly activity: string;
  readonly project: string;
  readonly language: string;
  /** Offline friends: last seen, ms since the epoch, where this viewer may know it. */
  readonly seenMs: number | null;
};

/** @param friend as the SDK keeps them, with the fields of a server that configures none */
export function viewOf(friend: Friend<DefaultField>): FriendView {
  const { id, status, lastSeen, a = '', p = '', l = '' } = friend;
  return { user: id, status, activity: a, project: p, language: l, seenMs: lastSeen };
}

export const CHANGEABLE = ['status', 'activity', 'project', 'language'] as const;
export type Changeable = (typeof CHANGEABLE)[number];

/** What one friend did between two views; `came` and `left` are about the roster, not about being online. */
export type Change =
  | { readonly kind: 'came'; readonly friend: FriendView }
  | { readonly kind: 'left'; readonly friend: FriendView }
  | { readonly kind: 'changed'; readonly friend: FriendView; readonly fields: readonly Changeable[] };

/** What happened to a friend, or null where nothing did that one can see; absent views are people not followed. */
export function changeBetween(before: FriendView | undefined, after: FriendView | undefined): Change | null {
  if (after === undefined) return before === undefined ? null : { kind: 'left', friend: before };
  if (before === undefined) return { kind: 'came', friend: after };
  const fields = CHANGEABLE.filter((field) => before[field] !== after[field]);
  return fields.length === 0 ? null : { kind: 'changed', friend: after, fields };
}

/** A change in a sentence, for screen readers. */
export function sentenceFor(change: Change, name: string): string {
  const { friend } = change;
  if (change.kind === 'came') return `You follow ${name}.`;
  if (change.kind === 'left') return `You no longer follow ${name}.`;
  if (change.fields.includes('status')) return `${name} is ${friend.status.toLowerCase()}.`;
  const parts = change.fields.map((field) =>
    friend[field] === '' ? `no ${field}` : `${field} ${friend[field]}`,
  );
  return `${name}: ${parts.join(', ')}.`;
}

/** Online people by name, then offline ones: who was seen last comes first, who may not be known comes last. */
export function inOrder(friends: Iterable<FriendView>, nameOf: (user: string) => string): FriendView[] {
  return [...friends].sort((a, b) => {
    const aOffline = a.status === 'Offline';
    const bOffline = b.status === 'Offline';
    if (aOffline !== bOffline) return aOffline ? 1 : -1;
    if (aOffline && a.seenMs !== b.seenMs) return (b.seenMs ?? 0) - (a.seenMs ?? 0);
    return nameOf(a.user).localeCompare(nameOf(b.user));
  });
}
