import { type Kysely, sql } from 'kysely';
import { argument } from './compile.ts';
import type { DirectoryTables } from './tables.ts';

/** What the directory asks, on the connection that only reads. The comment names the arguments of each. */
export function directoryReads(db: Kysely<DirectoryTables>) {
  const idOf = (index: number) =>
    db.selectFrom('users').select('id').where('name', '=', argument<string>(index));

  return {
    /** name */
    userId: idOf(0).compile(),
    /**
     * viewer, viewer, viewer (ids). The two inner lists are made once a run and are short; a lookup for each of the
     * roster's edges would cost as much as all the rest.
     */
    roster: db
      .selectFrom('follows')
      .innerJoin('users', 'users.id', 'follows.followee')
      .select(({ eb, selectFrom }) => [
        'users.name',
        eb(
          'follows.followee',
          'in',
          selectFrom('close_friends').select('owner').where('friend', '=', argument<number>(0)),
        ).as('close'),
      ])
      .where('follows.follower', '=', argument<number>(1))
      .where(({ eb, selectFrom }) =>
        eb(
          'follows.followee',
          'not in',
          selectFrom('blocks').select('blocker').where('blocked', '=', argument<number>(2)),
        ),
      )
      .compile(),
    /** follower, followee */
    follows: db
      .selectFrom('follows')
      .select('at')
      .where('follower', '=', argument<number>(0))
      .where('followee', '=', argument<number>(1))
      .compile(),
    /** blocker, blocked */
    blocks: db
      .selectFrom('blocks')
      .select('blocker')
      .where('blocker', '=', argument<number>(0))
      .where('blocked', '=', argument<number>(1))
      .compile(),
    /** owner, friend */
    isClose: db
      .selectFrom('close_friends')
      .select('owner')
      .where('owner', '=', argument<number>(0))
      .where('friend', '=', argument<number>(1))
      .compile(),
    /** follower */
    followees: db
      .selectFrom('follows')
      .innerJoin('users', 'users.id', 'follows.followee')
      .select('users.name')
      .where('follows.follower', '=', argument<number>(0))
      .compile(),
    /** followee */
    followers: db
      .selectFrom('follows')
      .innerJoin('users', 'users.id', 'follows.follower')
      .select('users.name')
      .where('follows.followee', '=', argument<number>(0))
      .compile(),
    /** blocker */
    blocked: db
      .selectFrom('blocks')
      .innerJoin('users', 'users.id', 'blocks.blocked')
      .select('users.name')
      .where('blocks.blocker', '=', argument<number>(0))
      .compile(),
    /** blocked */
    blockers: db
      .selectFrom('blocks')
      .innerJoin('users', 'users.id', 'blocks.blocker')
      .select('users.name')
      .where('blocks.blocked', '=', argument<number>(0))
      .compile(),
    /** owner */
    closeFriends: db
      .selectFrom('close_friends')
      .innerJoin('users', 'users.id', 'close_friends.friend')
      .select('users.name')
      .where('close_friends.owner', '=', argument<number>(0))
      .compile(),
    /** friend */
    closeOwners: db
      .selectFrom('close_friends')
      .innerJoin('users', 'users.id', 'close_friends.owner')
      .select('users.name')
      .where('close_friends.friend', '=', argument<number>(0))
      .compile(),
    /** name */
    lastSeen: db.selectFrom('users').select('last_seen_ms').where('name', '=', argument<string>(0)).compile(),
    completeFrom: db.selectFrom('directory_state').select('complete_from').compile(),
    /** stamp, stamp: whether an edit was committed so late that it may lie below it */
    lateEdit: db
      .selectFrom('late_edits')
      .select('from_at')
      .where('from_at', '<=', argument<number>(0))
      .where('until_at', '>', argument<number>(1))
      .limit(sql.lit(1))
      .compile(),
    /** viewer, stamp */
    changesAfter: db
      .selectFrom('roster_changes')
      .leftJoin('users', 'users.id', 'roster_changes.subject')
      .select(['roster_changes.subject', 'users.name'])
      .where('roster_changes.viewer', '=', argument<number>(0))
      .where('roster_changes.at', '>', argument<number>(1))
      .compile(),
    /** follower, stamp */
    followedAfter: db
      .selectFrom('follows')
      .innerJoin('users', 'users.id', 'follows.followee')
      .select(['follows.followee', 'users.name'])
      .where('follows.follower', '=', argument<number>(0))
      .where('follows.at', '>', argument<number>(1))
      .compile(),
  };
}
