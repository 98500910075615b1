import type { PackedNames } from './packed-names.ts';

/** What a viewer's edge to another user allows. */
export type Edge = {
  readonly user: string;
  /** The other user counts the viewer among their close friends. */
  readonly close: boolean;
};

/** How a viewer's roster changed since a stamp. `complete` false: the directory cannot tell, send everything. */
export type RosterChanges =
  | { readonly complete: true; readonly changed: readonly string[]; readonly gone: readonly string[] }
  | { readonly complete: false };

export type LastSeen = { readonly user: string; readonly ms: number };

/** The most edges of one `importEdges` call: what is all or nothing. Larger imports make several calls. */
export const MAX_IMPORT_EDGES = 50_000;

export type EdgePair = readonly [follower: string, followee: string];

/**
 * Edges in their order; an array of pairs is one. It may be read more than once, and may make its pairs only while it is
 * read: tens of thousands that wait would be objects for the garbage collector to copy.
 */
export type EdgeList = Iterable<EdgePair> & {
  readonly length: number;
  /** The same edges packed, follower and followee by turns, where the list has them so. */
  readonly packed?: readonly PackedNames[];
};

export type ImportResult = {
  /** Edges that were not there before. */
  readonly added: number;
  /** Users that were not known before. */
  readonly users: number;
  /** Edges left out because their follower follows as many as may be. */
  readonly refused: number;
  /** Followers who follow somebody new, each once: whose roster has changed. */
  readonly changed: readonly string[];
};

/** `limit`: the follower follows as many as may be, and nothing was changed. */
export type FollowResult = 'changed' | 'unchanged' | 'limit';

/** Everything kept about a user, for `export`. */
export type UserExport = {
  readonly user: string;
  readonly lastSeenMs: number | null;
  readonly follows: readonly string[];
  readonly followers: readonly string[];
  readonly blocks: readonly string[];
  readonly blockedBy: readonly string[];
  readonly close: readonly string[];
};

/**
 * Who follows whom, who blocked whom, who was seen when. The roster is directed: A follows B means A sees B.
 *
 * - `rosterOf` and `edge` MUST leave out whoever blocked the viewer.
 * - An edit MUST be durable when it resolves, and resolve true (`follow`: `changed`) only when something changed.
 * - `follow` and `importEdges` MUST NOT add an edge to a follower who follows `followsPerUser` or more (blocked or not),
 *   whatever other edits run at the same time; without a number there is no limit. An edge that is there already is
 *   never refused, and a refused edge MUST create nobody.
 * - `at` is the stamp of the edit; `changesSince` MUST report every edit of the viewer's roster with a stamp above the
 *   one asked, for at least ten minutes, or say `complete: false`.
 * - `recordLastSeen` MUST NOT move a time backwards.
 * - `importEdges` MUST create users it does not know, MUST be all or nothing for one call of at most
 *   `MAX_IMPORT_EDGES`, MUST skip edges of a user to themselves, and MUST NOT hold up the event loop.
 * - `erase` MUST leave nothing about the user, neither as follower nor as followee. Since the gone user can be named
 *   no more, `changesSince` MUST say `complete: false` to the former followers, and to those who were to be told of an edit
 *   that names the user, for stamps below the erasure's.
 * - An edit between users of whom one is unknown, or of a user with themselves, MUST change nothing and resolve false
 *   (`follow`: `unchanged`).
 * - Where the store cannot take a write at the moment, methods MUST reject with `storeUnavailable`.
 */
export interface Directory {
  ensureUser(user: string): Promise<boolean>;
  hasUser(user: string): Promise<boolean>;
  rosterOf(viewer: string): Promise<readonly Edge[]>;
  /**
   * The edges from viewer to these users as if the viewer followed them all: for rosters that a hook supplies. Whoever
   * blocked the viewer is left out.
   */
  edgesAmong(viewer: string, users: readonly string[]): Promise<readonly Edge[]>;
  /** The edge from viewer to user, or null where the viewer may see nothing. */
  edge(viewer: string, user: string): Promise<Edge | null>;
  /** Who follows the user, blocked or not: whose view changes when the user is erased. */
  followersOf(user: string): Promise<readonly string[]>;
  changesSince(viewer: string, at: number): Promise<RosterChanges>;
  follow(follower: string, followee: string, at: number, followsPerUser?: number): Promise<FollowResult>;
  unfollow(follower: string, followee: string, at: number): Promise<boolean>;
  block(user: string, other: string, at: number): Promise<boolean>;
  unblock(user: string, other: string, at: number): Promise<boolean>;
  setClose(user: string, other: string, close: boolean, at: number): Promise<boolean>;
  importEdges(edges: EdgeList, at: number, followsPerUser?: number): Promise<ImportResult>;
  lastSeen(users: readonly string[]): Promise<ReadonlyMap<string, number>>;
  recordLastSeen(batch: readonly LastSeen[]): Promise<void>;
  /** Returns the former followers, whose view changes. `at` is the stamp of the edit, as for the others. */
  erase(user: string, at: number): Promise<readonly string[]>;
  export(user: string): Promise<UserExport | null>;
}
