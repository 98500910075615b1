import type { Generated } from 'kysely';

/** The directory's tables, as migrations/ makes them. Equal in SQLite and Postgres. */
export type DirectoryTables = {
  users: { id: Generated<number>; name: string; last_seen_ms: number | null };
  follows: { follower: number; followee: number; at: number };
  blocks: { blocker: number; blocked: number };
  close_friends: { owner: number; friend: number };
  roster_changes: { viewer: number; subject: number; at: number };
  directory_state: { id: number; complete_from: number };
  late_edits: { from_at: number; until_at: number };
};

/** In place of a user in `roster_changes`: anybody on the viewer's roster. Users' keys begin at 1. */
export const WHOLE_ROSTER = 0;
