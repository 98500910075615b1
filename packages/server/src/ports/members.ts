import type { Soon } from './log.ts';

/** How many users are in a channel. */
export type MemberCount = {
  readonly count: number;
  /** The change (`MemberNotice.version`) behind which that was counted; 0 where none is known. */
  readonly version: number;
};

/** A page of the users in a channel, by name in the order of UTF-16 units. */
export type MembersPage = {
  readonly users: readonly string[];
  /** All of them, on every page. */
  readonly count: number;
  /** The user behind whom the next page begins; null: this was the last. */
  readonly next: string | null;
};

/**
 * Who is in the channels of all nodes. A node counts its own sessions and tells only the first of a user and the last.
 *
 * - Whoever is the first of a user on any node, or the last, MUST be told to the channel by one `MemberNotice`, in the same
 *   step; nobody else.
 * - The notices of a channel MUST be published in the order of their versions, each with the version of the one before it.
 *   Versions MUST rise. What was before MAY be forgotten while nobody is in the channel: then the next names 0.
 * - `join` and `leave` MUST be idempotent for one node, channel and user: they may be repeated after a failure. Those of one
 *   node, channel and user are not called before the call before them has settled.
 * - What a dead node held is let go of when the node is swept (`SharedMembers.sweepNode`), not before: its clients come back
 *   elsewhere.
 * - `occupied` MUST resolve true for the first node that somebody is subscribed on, `vacated` for the last one; true again
 *   where they are repeated. They MAY answer false at once where nobody wants to know.
 * - Every method MUST reject with `storeUnavailable` where a store outside the process does not answer.
 */
export interface Members {
  join(channel: string, user: string): Soon<void>;
  leave(channel: string, user: string): Soon<void>;
  page(channel: string, after: string | null, limit: number): Soon<MembersPage>;
  count(channel: string): Soon<MemberCount>;
  occupied(channel: string): Soon<boolean>;
  vacated(channel: string): Soon<boolean>;
}

export type SweptMembers = {
  /** What was let go of: users in channels, and channels that the node was subscribed to. 0: nothing is left. */
  readonly gone: number;
  /** Channels that nobody is subscribed to any more. */
  readonly vacated: readonly string[];
};

/**
 * Members of several nodes.
 *
 * - What a node holds MUST be found by the others when it is dead: it is noted in an index before it is held.
 * - `restore` puts back what this node holds and the store does not know any more. Where the store lost it (it came back
 *   empty, or older), that MUST NOT be published: nobody left. Where the node was swept, it MUST be.
 */
export interface SharedMembers extends Members {
  /** Lets go of what a dead node held, at most `limit` users at a time; repeated until nothing is left. */
  sweepNode(node: string, limit: number): Promise<SweptMembers>;
  restore(): Promise<void>;
}

export function areShared(members: Members): members is SharedMembers {
  return 'sweepNode' in members;
}
