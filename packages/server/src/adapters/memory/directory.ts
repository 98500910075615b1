import {
  type Directory,
  type Edge,
  type FollowResult,
  MAX_IMPORT_EDGES,
  type RosterChanges,
  type UserExport,
} from '../../ports/directory.ts';
import { createRosterChanges } from './roster-changes.ts';

type Person = {
  readonly follows: Map<string, number>;
  readonly followers: Set<string>;
  readonly blocks: Set<string>;
  readonly blockedBy: Set<string>;
  /** Whom this person counts among their close friends. */
  readonly close: Set<string>;
  readonly closeTo: Set<string>;
  lastSeenMs: number | null;
};

/** A directory in memory, for tests, the simulator and servers that need not remember. Nothing outlives the process. */
export function createMemoryDirectory(): Directory {
  const people = new Map<string, Person>();
  const changes = createRosterChanges();

  function ensure(user: string): boolean {
    if (people.has(user)) return false;
    people.set(user, {
      follows: new Map(),
      followers: new Set(),
      blocks: new Set(),
      blockedBy: new Set(),
      close: new Set(),
      closeTo: new Set(),
      lastSeenMs: null,
    });
    return true;
  }

  function edgeTo(viewer: string, user: string): Edge | null {
    const from = people.get(viewer);
    if (from?.follows.has(user) !== true || from.blockedBy.has(user)) return null;
    return { user, close: from.closeTo.has(user) };
  }

  /** Both people of an edit, or undefined where it can change nothing. */
  function pair(user: string, other: string): readonly [Person, Person] | undefined {
    const a = people.get(user);
    const b = people.get(other);
    return a === undefined || b === undefined || a === b ? undefined : [a, b];
  }

  function addEdge(follower: string, followee: string, at: number, limit: number): FollowResult {
    const both = pair(follower, followee);
    if (both === undefined || both[0].follows.has(followee)) return 'unchanged';
    if (both[0].follows.size >= limit) return 'limit';
    both[0].follows.set(followee, at);
    both[1].followers.add(follower);
    return 'changed';
  }

  function editBlock(user: string, other: string, blocked: boolean, at: number): boolean {
    const both = pair(user, other);
    if (both === undefined || both[0].blocks.has(other) === blocked) return false;
    if (blocked) {
      both[0].blocks.add(other);
      both[1].blockedBy.add(user);
    } else {
      both[0].blocks.delete(other);
      both[1].blockedBy.delete(user);
    }
    if (both[1].follows.has(user)) changes.note(other, user, at);
    return true;
  }

  return {
    async ensureUser(user) {
      return ensure(user);
    },
    async hasUser(user) {
      return people.has(user);
    },
    async rosterOf(viewer) {
      const edges: Edge[] = [];
      for (const user of people.get(viewer)?.follows.keys() ?? []) {
        const edge = edgeTo(viewer, user);
        if (edge !== null) edges.push(edge);
      }
      return edges;
    },
    async edgesAmong(viewer, users) {
      const from = people.get(viewer);
      const edges: Edge[] = [];
      for (const user of new Set(users)) {
        if (user === viewer || from?.blockedBy.has(user) === true) continue;
        edges.push({ user, close: from?.closeTo.has(user) === true });
      }
      return edges;
    },
    async edge(viewer, user) {
      return edgeTo(viewer, user);
    },
    async followersOf(user) {
      return [...(people.get(user)?.followers ?? [])];
    },
    async changesSince(viewer, at): Promise<RosterChanges> {
      const noted = changes.since(viewer, at);
      if (noted === null) return { complete: false };
      const changed: string[] = [];
      const gone: string[] = [];
      for (const user of noted) (edgeTo(viewer, user) === null ? gone : changed).push(user);
      for (const [user, followedAt] of people.get(viewer)?.follows ?? []) {
        if (followedAt > at && !noted.has(user) && edgeTo(viewer, user) !== null) changed.push(user);
      }
      return { complete: true, changed, gone };
    },
    async follow(follower, followee, at, followsPerUser = Infinity) {
      return addEdge(follower, followee, at, followsPerUser);
    },
    async unfollow(follower, followee, at) {
      const both = pair(follower, followee);
      if (both?.[0].follows.has(followee) !== true) return false;
      if (edgeTo(follower, followee) !== null) changes.note(follower, followee, at);
      both[0].follows.delete(followee);
      both[1].followers.delete(follower);
      return true;
    },
    async block(user, other, at) {
      return editBlock(user, other, true, at);
    },
    async unblock(user, other, at) {
      return editBlock(user, other, false, at);
    },
    async setClose(user, other, close, at) {
      const both = pair(user, other);
      if (both === undefined || both[0].close.has(other) === close) return false;
      if (close) {
        both[0].close.add(other);
        both[1].closeTo.add(user);
      } else {
        both[0].close.delete(other);
        both[1].closeTo.delete(user);
      }
      // Somebody who is blocked must not learn even that something about them was changed.
      if (edgeTo(other, user) !== null) changes.note(other, user, at);
      return true;
    },
    async importEdges(edges, at, followsPerUser = Infinity) {
      if (edges.length > MAX_IMPORT_EDGES) throw new RangeError(`at most ${MAX_IMPORT_EDGES} edges a call`);
      let users = 0;
      let added = 0;
      let refused = 0;
      const changed = new Set<string>();
      for (const [follower, followee] of edges) {
        if (follower === followee) continue;
        const follows = people.get(follower)?.follows;
        if ((follows?.size ?? 0) >= followsPerUser && follows?.has(followee) !== true) {
          refused++;
          continue;
        }
        if (ensure(follower)) users++;
        if (ensure(followee)) users++;
        if (addEdge(follower, followee, at, followsPerUser) !== 'changed') continue;
        added++;
        changed.add(follower);
      }
      return { added, users, refused, changed: [...changed] };
    },
    async lastSeen(users) {
      const seen = new Map<string, number>();
      for (const user of users) {
        const ms = people.get(user)?.lastSeenMs;
        if (ms !== undefined && ms !== null) seen.set(user, ms);
      }
      return seen;
    },
    async recordLastSeen(batch) {
      for (const { user, ms } of batch) {
        const person = people.get(user);
        if (person !== undefined) person.lastSeenMs = Math.max(person.lastSeenMs ?? ms, ms);
      }
    },
    async erase(user, at) {
      const person = people.get(user);
      if (person === undefined) return [];
      for (const other of person.follows.keys()) people.get(other)?.followers.delete(user);
      for (const other of person.blocks) people.get(other)?.blockedBy.delete(user);
      for (const other of person.blockedBy) people.get(other)?.blocks.delete(user);
      for (const other of person.close) people.get(other)?.closeTo.delete(user);
      for (const other of person.closeTo) people.get(other)?.close.delete(user);
      for (const follower of person.followers) {
        people.get(follower)?.follows.delete(user);
        changes.noteUntold(follower, at);
      }
      people.delete(user);
      changes.erase(user, at);
      return [...person.followers];
    },
    async export(user): Promise<UserExport | null> {
      const person = people.get(user);
      if (person === undefined) return null;
      return {
        user,
        lastSeenMs: person.lastSeenMs,
        follows: [...person.follows.keys()],
        followers: [...person.followers],
        blocks: [...person.blocks],
        blockedBy: [...person.blockedBy],
        close: [...person.close],
      };
    },
  } satisfies Directory;
}
