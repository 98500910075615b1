import { type Friend, type FriendChange, type Friends, createFriends, sameFriend } from './core/friends.ts';
import type { PresenceMessage } from './core/events.ts';
import { type Listeners, type Report, createListeners } from './listeners.ts';

/** The friends and their state, as far as this user may see them. Iterating gives each friend once, in no order. */
export interface Presence<Field extends string> extends Iterable<Friend<Field>> {
  readonly size: number;
  get(id: string): Friend<Field> | undefined;
  /**
   * Calls the listener after friends changed, once for all that changed in a turn of the event loop; of changes that cancel
   * out it hears nothing. With `getSnapshot`
   * it fits React's `useSyncExternalStore`.
   *
   * @returns removes the listener again
   */
  subscribe(listener: (changes: readonly FriendChange<Field>[]) => void): () => void;
  /** All friends; the same array until one of them changes. */
  getSnapshot(): readonly Friend<Field>[];
  /**
   * Calls the listener when this friend changed; with undefined when they are no friend any more.
   *
   * @returns removes the listener again
   */
  on(id: string, listener: (friend: Friend<Field> | undefined) => void): () => void;
}

/** The store as the client feeds it. */
export type PresenceStore<Field extends string> = {
  readonly presence: Presence<Field>;
  apply(message: PresenceMessage): void;
  clear(): void;
  /** Tells the listeners now what they would be told at the end of the turn. */
  flush(): void;
};

/** @param later runs its argument at the end of the turn */
export function createPresenceStore<Field extends string>(
  fields: readonly Field[],
  later: (run: () => void) => void,
  report: Report,
): PresenceStore<Field> {
  const friends: Friends<Field> = createFriends(fields);
  const listeners = createListeners<readonly FriendChange<Field>[]>(report);
  const byFriend = new Map<string, Listeners<Friend<Field> | undefined>>();
  let snapshot: readonly Friend<Field>[] | null = null;
  let changed = new Map<string, FriendChange<Field>>();

  function take(changes: readonly FriendChange<Field>[]): void {
    if (changes.length === 0) return;
    snapshot = null;
    if (changed.size === 0) later(flush);
    for (const change of changes) {
      const first = changed.get(change.id);
      changed.set(change.id, first === undefined ? change : { ...change, before: first.before });
    }
  }

  function flush(): void {
    if (changed.size === 0) return;
    // A listener may cause further changes: they belong to the next batch.
    const batch = [...changed.values()].filter(({ before, after }) => !sameFriend(before, after, fields));
    changed = new Map();
    // What came and went within the turn is no news.
    if (batch.length === 0) return;
    for (const { id, after } of batch) byFriend.get(id)?.tell(after);
    listeners.tell(batch);
  }

  return {
    presence: {
      get size() {
        return friends.all.size;
      },
      get: (id) => friends.all.get(id),
      [Symbol.iterator]: () => friends.all.values(),
      subscribe: (listener) => listeners.add(listener),
      getSnapshot() {
        snapshot ??= [...friends.all.values()];
        return snapshot;
      },
      on(id, listener) {
        const own = byFriend.get(id) ?? createListeners<Friend<Field> | undefined>(report);
        byFriend.set(id, own);
        const remove = own.add(listener);
        return () => {
          remove();
          if (own.size === 0 && byFriend.get(id) === own) byFriend.delete(id);
        };
      },
    },
    apply: (message) => take(friends.apply(message)),
    clear: () => take(friends.clear()),
    flush,
  };
}
