import type { DEFAULT_PRESENCE_FIELDS, VisibleStatus } from '@carillon/protocol';
import type { PresenceMessage } from './events.ts';

/** The presence fields of a server that configures none: activity, project, language. */
export type DefaultField = (typeof DEFAULT_PRESENCE_FIELDS)[number];

/** A friend as this user may see them. A new object for each change, so that identity tells whether one changed. */
export type Friend<Field extends string = DefaultField> = {
  readonly id: string;
  readonly status: VisibleStatus;
  /** When they were last online, ms since the epoch; null while online, and where the user may not know. */
  readonly lastSeen: number | null;
} & { readonly [F in Field]?: string };

/** One friend before and after; undefined where they were or are no friend. */
export type FriendChange<Field extends string = DefaultField> = {
  readonly id: string;
  readonly before: Friend<Field> | undefined;
  readonly after: Friend<Field> | undefined;
};

/** The friends: a fold of the messages `sync`, `u`, `o` and `x`. */
export type Friends<Field extends string = DefaultField> = {
  readonly all: ReadonlyMap<string, Friend<Field>>;
  /** @returns what really changed; an empty list when nothing did */
  apply(message: PresenceMessage): readonly FriendChange<Field>[];
  clear(): readonly FriendChange<Field>[];
};

type Wire = Readonly<Record<string, unknown>>;

/** @param fields the presence fields that the server is configured with; others are not taken over */
export function createFriends<Field extends string>(fields: readonly Field[]): Friends<Field> {
  const all = new Map<string, Friend<Field>>();

  function put(changes: FriendChange<Field>[], id: string, after: Friend<Field> | undefined): void {
    const before = all.get(id);
    if (sameFriend(before, after, fields)) return;
    if (after === undefined) all.delete(id);
    else all.set(id, after);
    changes.push({ id, before, after });
  }

  /** @param base what stays where the message names nothing; null where the message is the whole state */
  function friend(id: string, wire: Wire, base: Friend<Field> | null): Friend<Field> {
    const status = (wire['s'] as VisibleStatus | undefined) ?? base?.status ?? 'Online';
    const seen = typeof wire['ts'] === 'number' ? wire['ts'] : (base?.lastSeen ?? null);
    const lastSeen = status === 'Offline' ? seen : null;
    const values: Partial<Record<Field, string>> = {};
    for (const field of fields) {
      const value = Object.hasOwn(wire, field) ? wire[field] : base?.[field];
      if (typeof value === 'string' && value !== '' && status !== 'Offline') values[field] = value;
    }
    return { id, status, lastSeen, ...values };
  }

  return {
    all,
    apply(message) {
      const changes: FriendChange<Field>[] = [];
      switch (message.t) {
        case 'u': {
          const known = all.get(message.id);
          // Somebody unfollowed a moment ago, perhaps; without the rest of their state there is nothing to show.
          if (known !== undefined) put(changes, message.id, friend(message.id, message, known));
          break;
        }
        case 'o':
          put(changes, message.id, friend(message.id, message, null));
          break;
        case 'x':
          put(changes, message.id, friend(message.id, { s: 'Offline', ts: message.ts }, null));
          break;
        case 'sync': {
          const named = new Set<string>();
          for (const user of list(message.users)) {
            named.add(user.username);
            put(changes, user.username, friend(user.username, user, null));
          }
          if (message.delta) for (const id of list(message.gone)) put(changes, id, undefined);
          else for (const id of [...all.keys()]) if (!named.has(id)) put(changes, id, undefined);
          break;
        }
      }
      return changes;
    },
    clear() {
      const changes: FriendChange<Field>[] = [];
      for (const id of [...all.keys()]) put(changes, id, undefined);
      return changes;
    },
  };
}

/** Whether nothing that an app could show is different. */
export function sameFriend<Field extends string>(
  a: Friend<Field> | undefined,
  b: Friend<Field> | undefined,
  fields: readonly Field[],
): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.status === b.status && a.lastSeen === b.lastSeen && fields.every((field) => a[field] === b[field]);
}

/** A list that a broken message left out, or sent as something else, is empty. */
function list<T>(value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [];
}
