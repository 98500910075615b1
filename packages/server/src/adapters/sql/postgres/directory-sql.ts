import { pgStatement } from './statement.ts';

/** What the directory asks, each of one moment. */

/** name */
export const hasUser = pgStatement<{ id: number }>('has_user', 'SELECT id FROM users WHERE name = $1');

/** viewer */
export const rosterOf = pgStatement<{ name: string; close: boolean }>(
  'roster',
  `SELECT users.name, EXISTS (
      SELECT 1 FROM close_friends WHERE owner = follows.followee AND friend = follows.follower
    ) AS close
    FROM follows JOIN users ON users.id = follows.followee
    WHERE follows.follower = (SELECT id FROM users WHERE name = $1)
      AND NOT EXISTS (
        SELECT 1 FROM blocks WHERE blocker = follows.followee AND blocked = follows.follower
      )`,
);

/** viewer, user: a row where there is an edge that the viewer may see */
export const edgeBetween = pgStatement<{ close: boolean }>(
  'edge',
  `SELECT EXISTS (
      SELECT 1 FROM close_friends WHERE owner = follows.followee AND friend = follows.follower
    ) AS close
    FROM follows
    WHERE follower = (SELECT id FROM users WHERE name = $1)
      AND followee = (SELECT id FROM users WHERE name = $2)
      AND NOT EXISTS (
        SELECT 1 FROM blocks WHERE blocker = follows.followee AND blocked = follows.follower
      )`,
);

/** user */
export const followersOf = pgStatement<{ name: string }>(
  'followers',
  `SELECT users.name FROM follows JOIN users ON users.id = follows.follower
    WHERE follows.followee = (SELECT id FROM users WHERE name = $1)`,
);

/** viewer: who blocked them */
export const blockersOf = pgStatement<{ name: string }>(
  'blockers',
  `SELECT users.name FROM blocks JOIN users ON users.id = blocks.blocker
    WHERE blocks.blocked = (SELECT id FROM users WHERE name = $1)`,
);

/** viewer: who counts them among their close friends */
export const closeOwners = pgStatement<{ name: string }>(
  'close_owners',
  `SELECT users.name FROM close_friends JOIN users ON users.id = close_friends.owner
    WHERE close_friends.friend = (SELECT id FROM users WHERE name = $1)`,
);

/** names */
export const lastSeenOf = pgStatement<{ name: string; last_seen_ms: number }>(
  'last_seen',
  'SELECT name, last_seen_ms FROM users WHERE name = ANY($1::text[]) AND last_seen_ms IS NOT NULL',
);

/**
 * viewer, stamp: a row for each edge of theirs that was edited since, whether it was noted or the edge itself shows it; one row
 * without a subject where there is none.
 */
export const rosterChanges = pgStatement<{
  complete_from: number;
  is_late: boolean;
  subject: number | null;
  name: string | null;
  is_edge: boolean;
  was_noted: boolean;
}>(
  'roster_changes',
  `SELECT state.complete_from,
      EXISTS (SELECT 1 FROM late_edits WHERE from_at <= $2::bigint AND $2::bigint < until_at) AS is_late,
      edited.subject, users.name, coalesce(edited.was_noted, false) AS was_noted,
      EXISTS (SELECT 1 FROM follows WHERE follower = viewer.id AND followee = edited.subject)
        AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker = edited.subject AND blocked = viewer.id) AS is_edge
    FROM directory_state AS state
    LEFT JOIN users AS viewer ON viewer.name = $1
    LEFT JOIN LATERAL (
      SELECT subject, bool_or(was_noted) AS was_noted FROM (
        SELECT subject, true AS was_noted FROM roster_changes WHERE viewer = viewer.id AND at > $2::bigint
        UNION ALL
        SELECT followee, false FROM follows WHERE follower = viewer.id AND at > $2::bigint
      ) AS each GROUP BY subject
    ) AS edited ON true
    LEFT JOIN users ON users.id = edited.subject
    WHERE state.id = 1`,
);

const namesOf = (table: string, of: string, other: string): string => `ARRAY(
      SELECT users.name FROM ${table} JOIN users ON users.id = ${table}.${other} WHERE ${table}.${of} = self.id
    )`;

/** user */
export const exported = pgStatement<{
  last_seen_ms: number | null;
  follows: string[];
  followers: string[];
  blocks: string[];
  blocked_by: string[];
  close: string[];
}>(
  'export',
  `SELECT self.last_seen_ms, ${namesOf('follows', 'follower', 'followee')} AS follows,
      ${namesOf('follows', 'followee', 'follower')} AS followers,
      ${namesOf('blocks', 'blocker', 'blocked')} AS blocks,
      ${namesOf('blocks', 'blocked', 'blocker')} AS blocked_by,
      ${namesOf('close_friends', 'owner', 'friend')} AS close
    FROM users AS self WHERE self.name = $1`,
);
