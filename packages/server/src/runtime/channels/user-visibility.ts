import type { PresenceRecord } from '../../ports/presence.ts';
import type { NodeContext } from '../context.ts';

/**
 * Whether users of this node are seen by others. Whoever is not is no member of a channel, and nobody is sent their signals:
 * a member who is shown offline would tell what `Invisible` hides ([MEM2], [SIG2]).
 */
export type UserVisibility = {
  /** Known from then on, until `forget`. Rejects where it cannot be found out. */
  of(user: string): boolean | Promise<boolean>;
  /** What is known of a user who was asked about; false where that is not yet known. */
  known(user: string): boolean;
  presence(record: PresenceRecord): void;
  /** The user has no session on this node any more. */
  forget(user: string): void;
  readonly size: number;
};

type Watched = { visible: boolean; version: number; reading: Promise<boolean> | null };

/** @param onChange told when a user comes into sight or goes out of it */
export function createUserVisibility(
  context: NodeContext,
  onChange: (user: string, visible: boolean) => void,
): UserVisibility {
  const watched = new Map<string, Watched>();

  function begin(user: string): Promise<boolean> {
    const entry: Watched = { visible: false, version: -1, reading: null };
    watched.set(user, entry);
    // Subscribed first: a change between the two would be missed.
    const reading = Promise.resolve(context.topics.subscribePresence(user))
      .then(() => context.ports.presence.read([user]))
      .then(([record]) => {
        entry.reading = null;
        // A change that was published meanwhile is newer than what was read.
        if (record !== undefined && record.version > entry.version) {
          entry.version = record.version;
          entry.visible = isSeen(record);
        }
        return entry.visible;
      });
    entry.reading = reading;
    // Whoever went and came back meanwhile has another reading, which this failure says nothing of.
    reading.catch(() => {
      if (watched.get(user) === entry) forget(user);
    });
    return reading;
  }

  function forget(user: string): void {
    if (watched.delete(user)) context.topics.unsubscribePresence(user);
  }

  return {
    of(user) {
      const entry = watched.get(user);
      if (entry === undefined) return begin(user);
      return entry.reading ?? entry.visible;
    },
    known: (user) => watched.get(user)?.visible ?? false,
    presence(record) {
      const entry = watched.get(record.user);
      if (entry === undefined || record.version <= entry.version) return;
      entry.version = record.version;
      const visible = isSeen(record);
      if (visible === entry.visible) return;
      entry.visible = visible;
      onChange(record.user, visible);
    },
    forget,
    get size() {
      return watched.size;
    },
  };
}

function isSeen(record: PresenceRecord): boolean {
  return record.s !== 'Offline';
}
