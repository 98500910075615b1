import type { AwarenessDown } from '@carillon/protocol';
import type { Awareness } from 'y-protocols/awareness';

/** How often those who are there are marked as seen, ms: y-protocols takes who was not for 30 s for gone. */
export const SEEN_EVERY_MS = 10_000;

/** Who is in a document, in the awareness that editors read. What the server says counts, and nothing times out. */
export type People = {
  /** @param all whoever is not named is not there */
  take(people: AwarenessDown['ss'], all: boolean): void;
  /** What is known of others counts no more. */
  clear(): void;
  /** How many the server named. */
  size(): number;
  /** They are there still, although they are quiet. */
  touch(): void;
  /** The user that a client id is of; undefined: it is not there, or one's own. */
  userOf(clientId: number): string | undefined;
};

/**
 * @param origin of the changes, in the events of the awareness
 * @param wallMs ms since the epoch
 */
export function createPeople(awareness: Awareness, origin: unknown, wallMs: () => number): People {
  /** By client id: those whom the server named. */
  const users = new Map<number, string>();

  function remove(clients: readonly number[], to: number[]): void {
    for (const client of clients) {
      users.delete(client);
      if (awareness.states.delete(client)) to.push(client);
      awareness.meta.delete(client);
    }
  }

  function tell(added: number[], updated: number[], changed: number[], removed: number[]): void {
    if (added.length + changed.length + removed.length > 0)
      awareness.emit('change', [{ added, updated: changed, removed }, origin]);
    if (added.length + updated.length + removed.length > 0)
      awareness.emit('update', [{ added, updated, removed }, origin]);
  }

  return {
    take(people, all) {
      const added: number[] = [];
      const updated: number[] = [];
      const changed: number[] = [];
      const removed: number[] = [];
      if (all) {
        const named = new Set(people.map(({ cl }) => cl));
        remove(
          [...users.keys()].filter((client) => !named.has(client)),
          removed,
        );
      }
      for (const { cl, n, by = '', d } of people) {
        if (cl === awareness.clientID) continue;
        if (typeof d !== 'object' || d === null) {
          remove([cl], removed);
          continue;
        }
        const before = awareness.states.get(cl);
        users.set(cl, by);
        awareness.states.set(cl, d);
        awareness.meta.set(cl, { clock: n, lastUpdated: wallMs() });
        if (before === undefined) added.push(cl);
        else {
          updated.push(cl);
          if (JSON.stringify(before) !== JSON.stringify(d)) changed.push(cl);
        }
      }
      tell(added, updated, changed, removed);
    },
    clear() {
      const removed: number[] = [];
      remove([...users.keys()], removed);
      tell([], [], [], removed);
    },
    size: () => users.size,
    touch() {
      for (const client of users.keys()) {
        const meta = awareness.meta.get(client);
        if (meta !== undefined) meta.lastUpdated = wallMs();
      }
    },
    userOf: (clientId) => users.get(clientId),
  };
}
