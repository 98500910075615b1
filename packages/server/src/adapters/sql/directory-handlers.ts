import type { Database } from 'better-sqlite3';
import type { FollowResult } from '../../ports/directory.ts';
import type { QueryTexts } from './compile.ts';
import { type DirectoryWrites, ERASURE } from './directory-writes.ts';
import { prepareAll } from './statements.ts';
import type { WriteHandlers } from './thread-messages.ts';

/** How long an edit of a roster is remembered, in stamps (microseconds); the port asks for ten minutes. */
export const CHANGES_KEPT_MICROS = 10 * 60 * 1_000_000;

/**
 * How many outlived changes each new one takes away: more than one, so that purging always gains, and few, so that no
 * write waits for it. No timer is needed, and a directory that nobody edits does not grow.
 */
export const PURGED_AT_ONCE = 16;

type DirectoryWriteName =
  | 'ensureUser'
  | 'follow'
  | 'unfollow'
  | 'block'
  | 'unblock'
  | 'setClose'
  | 'recordLastSeen'
  | 'noteLate'
  | 'erase';

export type DirectoryHandlers = Pick<WriteHandlers, DirectoryWriteName>;

/**
 * The directory's edits. Each runs inside a transaction of the caller.
 *
 * @param onPeopleChanged told of each edit after which somebody is gone, or follows more or fewer than before
 */
export function directoryHandlers(
  database: Database,
  texts: QueryTexts<DirectoryWrites>,
  onPeopleChanged: () => void,
): DirectoryHandlers {
  const run = prepareAll(database, texts);
  const userId = (name: string): number | undefined => run.userId.get(name)?.id;
  const addUser = (name: string): number => Number(run.addUser.run(name).lastInsertRowid);
  const follows = (follower: number, followee: number): boolean =>
    run.follows.get(follower, followee) !== undefined;
  const blocks = (blocker: number, blocked: number): boolean =>
    run.blocks.get(blocker, blocked) !== undefined;

  const followCount = (follower: number): number => run.followCount.get(follower)?.follows ?? 0;

  function purge(at: number): void {
    const old = run.oldChanges.all(at - CHANGES_KEPT_MICROS, PURGED_AT_ONCE);
    for (const { viewer, subject } of old) run.dropChange.run(viewer, subject);
    const last = old.at(-1);
    if (last !== undefined) run.raiseCompleteFrom.run(last.at, last.at);
  }

  function note(viewer: number, subject: number, at: number): void {
    run.noteChange.run(viewer, subject, at);
    purge(at);
  }

  /** Runs an edit on two people who both exist and are not the same; else it changes nothing. */
  function edit(user: string, other: string, change: (user: number, other: number) => boolean): boolean {
    const a = userId(user);
    const b = userId(other);
    return a !== undefined && b !== undefined && a !== b && change(a, b);
  }

  return {
    ensureUser(user) {
      if (userId(user) !== undefined) return false;
      addUser(user);
      return true;
    },
    follow(follower, followee, at, followsPerUser): FollowResult {
      let full = false;
      const changed = edit(follower, followee, (a, b) => {
        if (follows(a, b)) return false;
        // Counted within the transaction: two edits at once cannot both take the last place.
        full = followCount(a) >= followsPerUser;
        if (full || run.addFollow.run(a, b, at).changes === 0) return false;
        onPeopleChanged();
        return true;
      });
      return full ? 'limit' : changed ? 'changed' : 'unchanged';
    },
    unfollow: (follower, followee, at) =>
      edit(follower, followee, (a, b) => {
        if (run.dropFollow.run(a, b).changes === 0) return false;
        onPeopleChanged();
        if (!blocks(b, a)) note(a, b, at);
        return true;
      }),
    block: (user, other, at) =>
      edit(user, other, (a, b) => {
        if (run.addBlock.run(a, b).changes === 0) return false;
        if (follows(b, a)) note(b, a, at);
        return true;
      }),
    unblock: (user, other, at) =>
      edit(user, other, (a, b) => {
        if (run.dropBlock.run(a, b).changes === 0) return false;
        if (follows(b, a)) note(b, a, at);
        return true;
      }),
    setClose: (user, other, close, at) =>
      edit(user, other, (a, b) => {
        if ((close ? run.addClose : run.dropClose).run(a, b).changes === 0) return false;
        // Somebody who is blocked must not learn even that something about them was changed.
        if (follows(b, a) && !blocks(a, b)) note(b, a, at);
        return true;
      }),
    recordLastSeen(user, ms) {
      run.raiseLastSeen.run(ms, user, ms);
      return undefined;
    },
    noteLate(from, until) {
      run.forgetLate.run(from - CHANGES_KEPT_MICROS);
      run.noteLate.run(from, until);
      return undefined;
    },
    erase(user, at) {
      const id = userId(user);
      if (id === undefined) return [];
      onPeopleChanged();
      const followers = run.followers.all(id).map(({ name }) => name);
      run.noteErasure.run(at, id);
      run.noteUntold.run(at, id);
      for (const name of ERASURE) run[name].run(id);
      purge(at);
      return followers;
    },
  };
}
