import { type Kysely, sql } from 'kysely';
import { argument } from './compile.ts';
import { type DirectoryTables, WHOLE_ROSTER } from './tables.ts';

/** What takes a user out of the directory, in this order: the row that the others refer to goes last. */
export const ERASURE = [
  'eraseFollows',
  'eraseFollowers',
  'eraseBlocks',
  'eraseBlockers',
  'eraseClose',
  'eraseCloseOwners',
  'eraseViewed',
  'eraseChanges',
  'eraseUser',
] as const;

/** How the directory is edited, on the writer's connection. The comment names the arguments of each. */
export function directoryWrites(db: Kysely<DirectoryTables>) {
  /** The later of the stamp there and the one to be written. */
  const laterStamp = sql<number>`case when excluded.at > roster_changes.at then excluded.at else roster_changes.at end`;

  return {
    /** name */
    userId: db.selectFrom('users').select('id').where('name', '=', argument<string>(0)).compile(),
    /** name */
    addUser: db
      .insertInto('users')
      .values({ name: argument<string>(0) })
      .compile(),
    /** last seen, name, last seen */
    raiseLastSeen: db
      .updateTable('users')
      .set({ last_seen_ms: argument<number>(0) })
      .where('name', '=', argument<string>(1))
      .where(({ eb, or }) =>
        or([eb('last_seen_ms', 'is', null), eb('last_seen_ms', '<', argument<number>(2))]),
      )
      .compile(),
    /** follower, followee, stamp */
    addFollow: db
      .insertInto('follows')
      .values({ follower: argument<number>(0), followee: argument<number>(1), at: argument<number>(2) })
      .onConflict((conflict) => conflict.doNothing())
      .compile(),
    /** follower, followee */
    follows: db
      .selectFrom('follows')
      .select('at')
      .where('follower', '=', argument<number>(0))
      .where('followee', '=', argument<number>(1))
      .compile(),
    /** follower: read from the table's key alone */
    followCount: db
      .selectFrom('follows')
      .select(({ fn }) => fn.countAll<number>().as('follows'))
      .where('follower', '=', argument<number>(0))
      .compile(),
    /** follower, followee */
    dropFollow: db
      .deleteFrom('follows')
      .where('follower', '=', argument<number>(0))
      .where('followee', '=', argument<number>(1))
      .compile(),
    /** blocker, blocked */
    addBlock: db
      .insertInto('blocks')
      .values({ blocker: argument<number>(0), blocked: argument<number>(1) })
      .onConflict((conflict) => conflict.doNothing())
      .compile(),
    /** blocker, blocked */
    blocks: db
      .selectFrom('blocks')
      .select('blocker')
      .where('blocker', '=', argument<number>(0))
      .where('blocked', '=', argument<number>(1))
      .compile(),
    /** blocker, blocked */
    dropBlock: db
      .deleteFrom('blocks')
      .where('blocker', '=', argument<number>(0))
      .where('blocked', '=', argument<number>(1))
      .compile(),
    /** owner, friend */
    addClose: db
      .insertInto('close_friends')
      .values({ owner: argument<number>(0), friend: argument<number>(1) })
      .onConflict((conflict) => conflict.doNothing())
      .compile(),
    /** owner, friend */
    dropClose: db
      .deleteFrom('close_friends')
      .where('owner', '=', argument<number>(0))
      .where('friend', '=', argument<number>(1))
      .compile(),
    /** viewer, subject, stamp */
    noteChange: db
      .insertInto('roster_changes')
      .values({ viewer: argument<number>(0), subject: argument<number>(1), at: argument<number>(2) })
      .onConflict((conflict) => conflict.columns(['viewer', 'subject']).doUpdateSet({ at: laterStamp }))
      .compile(),
    /** stamp, followee */
    noteErasure: db
      .insertInto('roster_changes')
      .columns(['viewer', 'subject', 'at'])
      .expression((eb) =>
        eb
          .selectFrom('follows')
          .select(['follower', sql.lit(WHOLE_ROSTER).as('subject'), argument<number>(0).as('at')])
          .where('followee', '=', argument<number>(1)),
      )
      .onConflict((conflict) => conflict.columns(['viewer', 'subject']).doUpdateSet({ at: laterStamp }))
      .compile(),
    /** stamp, subject: whoever was to be told of an edit that names the user */
    noteUntold: db
      .insertInto('roster_changes')
      .columns(['viewer', 'subject', 'at'])
      .expression((eb) =>
        eb
          .selectFrom('roster_changes')
          .select(['viewer', sql.lit(WHOLE_ROSTER).as('subject'), argument<number>(0).as('at')])
          .where('subject', '=', argument<number>(1)),
      )
      .onConflict((conflict) => conflict.columns(['viewer', 'subject']).doUpdateSet({ at: laterStamp }))
      .compile(),
    /** stamp, how many */
    oldChanges: db
      .selectFrom('roster_changes')
      .select(['viewer', 'subject', 'at'])
      .where('at', '<', argument<number>(0))
      .orderBy('at')
      .limit(argument<number>(1))
      .compile(),
    /** viewer, subject */
    dropChange: db
      .deleteFrom('roster_changes')
      .where('viewer', '=', argument<number>(0))
      .where('subject', '=', argument<number>(1))
      .compile(),
    /** stamp, stamp */
    raiseCompleteFrom: db
      .updateTable('directory_state')
      .set({ complete_from: argument<number>(0) })
      .where('complete_from', '<', argument<number>(1))
      .compile(),
    /** from, until */
    noteLate: db
      .insertInto('late_edits')
      .values({ from_at: argument<number>(0), until_at: argument<number>(1) })
      .compile(),
    /** stamp */
    forgetLate: db.deleteFrom('late_edits').where('until_at', '<', argument<number>(0)).compile(),
    /** followee */
    followers: db
      .selectFrom('follows')
      .innerJoin('users', 'users.id', 'follows.follower')
      .select('users.name')
      .where('follows.followee', '=', argument<number>(0))
      .compile(),
    /** the user, as follower */
    eraseFollows: db.deleteFrom('follows').where('follower', '=', argument<number>(0)).compile(),
    /** the user, as followee */
    eraseFollowers: db.deleteFrom('follows').where('followee', '=', argument<number>(0)).compile(),
    eraseBlocks: db.deleteFrom('blocks').where('blocker', '=', argument<number>(0)).compile(),
    eraseBlockers: db.deleteFrom('blocks').where('blocked', '=', argument<number>(0)).compile(),
    eraseClose: db.deleteFrom('close_friends').where('owner', '=', argument<number>(0)).compile(),
    eraseCloseOwners: db.deleteFrom('close_friends').where('friend', '=', argument<number>(0)).compile(),
    eraseViewed: db.deleteFrom('roster_changes').where('viewer', '=', argument<number>(0)).compile(),
    eraseChanges: db.deleteFrom('roster_changes').where('subject', '=', argument<number>(0)).compile(),
    eraseUser: db.deleteFrom('users').where('id', '=', argument<number>(0)).compile(),
  };
}

export type DirectoryWrites = ReturnType<typeof directoryWrites>;
