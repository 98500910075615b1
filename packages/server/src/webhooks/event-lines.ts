import type { EventSubject, StoredEvent } from '../ports/event-store.ts';

/** An event that was not delivered yet. */
export type WaitingEvent = {
  readonly event: StoredEvent;
  /** It is kept, or cannot be: until that is known it is not sent. */
  stored: boolean;
};

/** The events of one user or channel that have not been delivered. They go out one after the other. */
export type EventLine = {
  readonly key: string;
  /** Oldest first; never empty. */
  readonly events: WaitingEvent[];
  /** The first is being sent: whether it arrives is not known, so it can be dropped no more. */
  inFlight: boolean;
  /** How often in a row it could not be delivered. */
  failures: number;
};

/** What was dropped for want of room. */
export type Dropped = {
  readonly event: StoredEvent;
  readonly line: EventLine;
  /** A later event of the same subject waits, which says what is the case now. */
  readonly superseded: boolean;
};

/** Every event that waits, by subject. Bounded. */
export type EventLines = {
  readonly size: number;
  /**
   * Adds the event behind those of its subject.
   *
   * @param byTime ahead of those that happened later: another node put it
   * @returns what had to go for it
   */
  add(waiting: WaitingEvent, byTime?: boolean): Dropped | null;
  lineOf(subject: EventSubject): EventLine | undefined;
  setInFlight(line: EventLine, inFlight: boolean): void;
  /** Takes a line's first event away. @returns false where it was the last */
  shift(line: EventLine): boolean;
  clear(): void;
  [Symbol.iterator](): Iterator<EventLine>;
};

/**
 * Where no more may wait, the oldest event goes that a later one of the same subject supersedes: what an app is told last of
 * each subject stays true. Only where there is none, the event that waits longest.
 *
 * @param limit events
 */
export function createEventLines(limit: number): EventLines {
  // Both in the order in which a line came to be what it is.
  const lines = new Map<string, EventLine>();
  const withSuperseded = new Set<EventLine>();
  let size = 0;

  /** The first event that may be dropped. */
  const firstFree = (line: EventLine): number => (line.inFlight ? 1 : 0);

  /** Behind what is in flight, and whatever did not happen later. */
  function placeByTime(line: EventLine, { event }: WaitingEvent): number {
    let place = line.events.length;
    while (place > firstFree(line) && (line.events[place - 1]?.event.atMs ?? 0) > event.atMs) place--;
    return place;
  }

  function note(line: EventLine): void {
    if (line.events.length - firstFree(line) >= 2) withSuperseded.add(line);
    else withSuperseded.delete(line);
  }

  function remove(line: EventLine, index: number): StoredEvent | undefined {
    const [removed] = line.events.splice(index, 1);
    if (removed !== undefined) size--;
    note(line);
    if (line.events.length === 0) lines.delete(line.key);
    return removed?.event;
  }

  function dropOne(): Dropped | null {
    for (const line of withSuperseded) {
      const event = remove(line, firstFree(line));
      if (event !== undefined) return { event, line, superseded: true };
    }
    for (const line of lines.values()) {
      if (line.inFlight) continue;
      const event = remove(line, 0);
      if (event !== undefined) return { event, line, superseded: false };
    }
    return null;
  }

  return {
    get size() {
      return size;
    },
    add(waiting, byTime = false) {
      const key = keyOf(waiting.event.subject);
      const line = lines.get(key) ?? { key, events: [], inFlight: false, failures: 0 };
      lines.set(key, line);
      line.events.splice(byTime ? placeByTime(line, waiting) : line.events.length, 0, waiting);
      size++;
      note(line);
      return size > limit ? dropOne() : null;
    },
    lineOf: (subject) => lines.get(keyOf(subject)),
    setInFlight(line, inFlight) {
      line.inFlight = inFlight;
      note(line);
    },
    shift(line) {
      remove(line, 0);
      if (line.events.length === 0) return false;
      // Its first event is another one now, which has not waited longer than those of the others.
      lines.delete(line.key);
      lines.set(line.key, line);
      return true;
    },
    clear() {
      lines.clear();
      withSuperseded.clear();
      size = 0;
    },
    [Symbol.iterator]: () => lines.values(),
  };
}

/** A channel may be called like a user. */
function keyOf({ kind, name }: EventSubject): string {
  return `${kind} ${name}`;
}
