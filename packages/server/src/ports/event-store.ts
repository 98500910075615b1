/** What an event is about. */
export type EventSubject = { readonly kind: 'user' | 'channel'; readonly name: string };

export type EventType = 'user.online' | 'user.offline' | 'channel.occupied' | 'channel.vacated';

/** An event on its way to the app. */
export type StoredEvent = {
  /** Counts the events: of two, the one that happened later has the higher number. */
  readonly number: number;
  /** Unique, and the same for every attempt to deliver it. */
  readonly id: string;
  readonly type: EventType;
  readonly subject: EventSubject;
  /** When it happened, ms since the epoch. */
  readonly atMs: number;
};

export type KeptEvents = {
  /** Those that were put and not dropped, by their numbers. */
  readonly events: readonly StoredEvent[];
  /** Users that are online and channels that are occupied, by the last `put` or `mark` of each. */
  readonly present: readonly EventSubject[];
};

/**
 * Keeps events until they are delivered.
 *
 * - A write MUST survive a `kill -9` of the process when it resolves; a later one MUST NOT survive without the earlier ones.
 * - A write MUST NOT hold up the event loop, and MUST reject with `storeUnavailable` where it cannot be taken.
 * - `put` MUST note in the same step whether its subject is there, as `mark` does.
 * - Where several nodes share the store, each event, and each note of who is there, belongs to the node that made it last:
 *   `load`, `drop` and `clear` MUST concern the node's own alone. A note that somebody is gone takes away whoever's note.
 */
export interface EventStore {
  put(event: StoredEvent): Promise<void>;
  /** Notes that a subject is there, or gone, without an event. */
  mark(subject: EventSubject, present: boolean): Promise<void>;
  /** The event was delivered, or is given up. */
  drop(number: number): Promise<void>;
  /** Every event is given up; who is there stays noted. */
  clear(): Promise<void>;
  load(): Promise<KeptEvents>;
  /**
   * Takes over what a node left that is gone. Of several that try at once one gets it, and the others nothing of it.
   *
   * @returns what this node now has, as `load`. The events of the other one are numbered anew, in their order and below
   *   every number of this node's own: at 0 and below.
   */
  adopt(node: string): Promise<KeptEvents>;
  /** The other nodes of which something is kept, gone or not. */
  owners(): Promise<readonly string[]>;
}

/** Whether the event says that its subject is there. */
export function saysPresent(type: EventType): boolean {
  return type === 'user.online' || type === 'channel.occupied';
}
