import type { Soon } from './log.ts';

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
 * - `join` and `leave` MUST be idempotent for one node, channel and user: they may be repeated after a failure.
 * - What a dead node held is let go of when the node is swept (`Cluster.sweep`), not before: its clients come back elsewhere.
 * - `occupied` MUST resolve true for the first node that somebody is subscribed on, `vacated` for the last one.
 */
export interface Members {
  join(channel: string, user: string): Soon<void>;
  leave(channel: string, user: string): Soon<void>;
  page(channel: string, after: string | null, limit: number): Soon<MembersPage>;
  count(channel: string): Soon<number>;
  occupied(channel: string): Soon<boolean>;
  vacated(channel: string): Soon<boolean>;
}
