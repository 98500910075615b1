import type { Wire } from './bare-client.ts';

/** A friend as a viewer sees them: status and fields, without last seen. */
export type Friend = { readonly s: string; readonly [field: string]: string };

const FIELDS = ['a', 'p', 'l'] as const;

/** What a viewer who reads the messages of the table knows of their friends. */
export type FriendView = {
  readonly friends: ReadonlyMap<string, Friend>;
  /** Each `o` and `x` that came, in order: `o bob`. */
  readonly transitions: readonly string[];
  read(message: Wire): void;
};

export function createFriendView(): FriendView {
  const friends = new Map<string, Friend>();
  const transitions: string[] = [];

  function whole(source: Readonly<Record<string, unknown>>): Friend {
    const friend: Record<string, string> & { s: string } = { s: source['s'] as string };
    for (const field of FIELDS) if (typeof source[field] === 'string') friend[field] = source[field];
    return friend;
  }

  return {
    friends,
    transitions,
    read(message) {
      const id = message['id'] as string;
      switch (message.t) {
        case 'sync':
          if (message['delta'] !== true) friends.clear();
          for (const user of message['users'] as Record<string, unknown>[])
            friends.set(user['username'] as string, whole(user));
          for (const user of (message['gone'] ?? []) as string[]) friends.delete(user);
          return;
        case 'o':
          transitions.push(`${message.t} ${id}`);
          friends.set(id, whole(message));
          return;
        case 'x':
          transitions.push(`${message.t} ${id}`);
          friends.set(id, { s: 'Offline' });
          return;
        case 'u': {
          const friend: Record<string, string> & { s: string } = { ...friends.get(id)! };
          for (const field of ['s', ...FIELDS]) {
            const value = message[field];
            if (value === '') delete friend[field];
            else if (typeof value === 'string') friend[field] = value;
          }
          friends.set(id, friend);
          return;
        }
      }
    },
  };
}
