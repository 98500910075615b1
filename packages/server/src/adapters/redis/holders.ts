import type { SessionRecord } from '../../ports/sessions.ts';
import { type HeldUser, forgetHeld, holdSession, isEmpty, newHeldUser, releaseSession } from './held-user.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './redis-link.ts';

export type HoldersOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly node: string;
  /**
   * Whether Redis is a Cluster. There a note and what it announces go to different servers, so the note has to be answered
   * first; one server takes them in the order in which they are sent.
   */
  readonly clustered: boolean;
};

/**
 * What this node holds: the sessions it is home to, devices, HTTP statuses. In its memory, to be put back into a store that
 * forgot; and the users of them as a set in Redis, for whoever sweeps this node should it die.
 */
export type Holders = {
  readonly node: string;
  /** How many users. */
  readonly size: number;
  /** Begins a call about a user: until `exit` nothing of the user is forgotten here. */
  enter(user: string): HeldUser;
  exit(held: HeldUser): void;
  /** Sends a command that may make this node hold something of the user, which is noted before. */
  noted<T>(held: HeldUser, send: () => Promise<T>): Promise<T>;
  session(id: string): SessionRecord | undefined;
  /** Whether the session is at home here in that generation, as far as this node knows, and nobody asked for its end. */
  lives(id: string, generation: number): boolean;
  /** Its end is asked for: it may be over from now on, also where the answer does not come. */
  endAsked(id: string): void;
  endAnswered(id: string): void;
  keepSession(held: HeldUser, record: SessionRecord): void;
  /** The session is over, or elsewhere; with its hold on devices. */
  dropSession(id: string): void;
  all(): IterableIterator<HeldUser>;
  get(user: string): HeldUser | undefined;
  /** Forgets everything: this node was swept. */
  clear(): void;
  /** Notes users again, whatever was noted before. */
  note(users: readonly string[]): Promise<void>;
  /** Notes, and takes back, what was refused before. */
  repair(): Promise<void>;
};

export function createHolders({ link, keys, node, clustered }: HoldersOptions): Holders {
  const users = new Map<string, HeldUser>();
  const bySession = new Map<string, HeldUser>();
  /** Sessions of which it is not known whether they are over. */
  const ending = new Set<string>();
  /** Users of whom it is not known whether the index lists them: a command was given up, and may even come late. */
  const unsure = new Set<string>();
  const index = keys.node(node, 'holders');

  function sessionOf(id: string): SessionRecord | undefined {
    return bySession.get(id)?.sessions.find((session) => session.id === id);
  }

  async function sendNote(held: HeldUser): Promise<void> {
    try {
      await link.command(index, 'SADD', index, held.user);
      held.noted = true;
    } catch (error) {
      held.noted = false;
      unsure.add(held.user);
      throw error;
    }
  }

  function note(held: HeldUser): Promise<void> | null {
    if (held.noted === true) return null;
    if (held.noted === false) held.noted = sendNote(held);
    return held.noted;
  }

  function release(held: HeldUser): void {
    if (held.calls > 0 || !isEmpty(held)) return;
    if (users.get(held.user) === held) users.delete(held.user);
    // Never noted, for instance where nothing was there to leave.
    if (held.noted === false) return;
    held.noted = false;
    // Behind everything: a note too many costs nothing but a look, should this node die.
    link.command(index, 'SREM', index, held.user).catch(() => unsure.add(held.user));
  }

  return {
    node,
    get size() {
      return users.size;
    },
    enter(user) {
      let held = users.get(user);
      if (held === undefined) {
        held = newHeldUser(user);
        users.set(user, held);
      }
      held.calls++;
      return held;
    },
    exit(held) {
      held.calls--;
      release(held);
    },
    async noted(held, send) {
      const noting = note(held);
      if (noting === null) return send();
      if (clustered) {
        await noting;
        return send();
      }
      const [reply] = await Promise.all([send(), noting]);
      return reply;
    },
    session: sessionOf,
    lives: (id, generation) => sessionOf(id)?.generation === generation && !ending.has(id),
    endAsked(id) {
      if (bySession.has(id)) ending.add(id);
    },
    endAnswered: (id) => void ending.delete(id),
    keepSession(held, record) {
      holdSession(held, record);
      bySession.set(record.id, held);
    },
    dropSession(id) {
      const held = bySession.get(id);
      if (held === undefined) return;
      bySession.delete(id);
      ending.delete(id);
      releaseSession(held, id);
      release(held);
    },
    all: () => users.values(),
    get: (user) => users.get(user),
    clear() {
      bySession.clear();
      ending.clear();
      for (const held of [...users.values()]) {
        forgetHeld(held);
        // The sweep took the note back.
        held.noted = false;
        if (held.calls === 0) users.delete(held.user);
      }
    },
    async note(names) {
      if (names.length > 0) await link.command(index, 'SADD', index, ...names);
      for (const name of names) {
        const held = users.get(name);
        if (held !== undefined) held.noted = true;
      }
    },
    async repair() {
      if (unsure.size === 0) return;
      const due = [...unsure];
      const [noted, gone] = [due.filter((user) => users.has(user)), due.filter((user) => !users.has(user))];
      if (gone.length > 0) await link.command(index, 'SREM', index, ...gone);
      if (noted.length > 0) await link.command(index, 'SADD', index, ...noted);
      for (const user of due) {
        unsure.delete(user);
        const held = users.get(user);
        if (held?.noted === false) held.noted = true;
      }
    },
  };
}
