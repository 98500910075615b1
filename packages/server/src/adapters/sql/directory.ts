import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Directory,
  type Edge,
  MAX_IMPORT_EDGES,
  type RosterChanges,
  type UserExport,
} from '../../ports/directory.ts';
import { createSqliteBuilder, textsOf } from './compile.ts';
import { directoryReads } from './directory-reads.ts';
import { createLateEdits } from './late-edits.ts';
import type { Sqlite } from './sqlite.ts';
import { type SqlValue, prepareAll } from './statements.ts';
import { type DirectoryTables, WHOLE_ROSTER } from './tables.ts';

/** Last seen read without a pause: about a millisecond of the event loop. */
const LAST_SEEN_A_TURN = 512;

/** The directory in SQLite. Reads run on this thread and never wait for the writer. */
export function createSqliteDirectory({ reader, writer }: Sqlite): Directory {
  const read = prepareAll(reader, textsOf(directoryReads(createSqliteBuilder<DirectoryTables>())));
  const late = createLateEdits(
    () => performance.now(),
    (from, until) => {
      // Where it cannot be noted, the log has it, and this process knows it all the same.
      writer.put('noteLate', from, until).catch(() => undefined);
    },
  );
  const idOf = (user: string): number | undefined => read.userId.get(user)?.id;

  /** The names that a statement gives for a user's key. */
  function names(statement: { all(...args: SqlValue[]): { name: string }[] }, id: number): string[] {
    return statement.all(id).map(({ name }) => name);
  }

  function edgeBetween(viewer: number, user: number): boolean {
    return read.follows.get(viewer, user) !== undefined && read.blocks.get(user, viewer) === undefined;
  }

  /** Several statements that must see the same moment: the writer commits on another thread. */
  const atOneMoment = <A extends unknown[], R>(run: (...args: A) => R): ((...args: A) => R) =>
    reader.transaction(run);

  const edge = atOneMoment((viewer: string, user: string): Edge | null => {
    const from = idOf(viewer);
    const to = idOf(user);
    if (from === undefined || to === undefined || !edgeBetween(from, to)) return null;
    return { user, close: read.isClose.get(to, from) !== undefined };
  });

  const roster = atOneMoment((viewer: string): readonly Edge[] => {
    const id = idOf(viewer);
    if (id === undefined) return [];
    return read.roster.all(id, id, id).map(({ name, close }) => ({ user: name, close: Boolean(close) }));
  });

  const hidingAndClose = atOneMoment((viewer: string) => {
    const id = idOf(viewer);
    return id === undefined
      ? { hiding: new Set<string>(), close: new Set<string>() }
      : { hiding: new Set(names(read.blockers, id)), close: new Set(names(read.closeOwners, id)) };
  });

  const changes = atOneMoment((viewer: string, at: number): RosterChanges => {
    if (at < (read.completeFrom.get()?.complete_from ?? 0)) return { complete: false };
    if (read.lateEdit.get(at, at) !== undefined) return { complete: false };
    const id = idOf(viewer);
    const changed: string[] = [];
    const gone: string[] = [];
    if (id === undefined) return { complete: true, changed, gone };
    const noted = new Set<number>();
    for (const { subject, name } of read.changesAfter.all(id, at)) {
      if (subject === WHOLE_ROSTER || name === null) return { complete: false };
      noted.add(subject);
      (edgeBetween(id, subject) ? changed : gone).push(name);
    }
    for (const { followee, name } of read.followedAfter.all(id, at)) {
      if (!noted.has(followee) && edgeBetween(id, followee)) changed.push(name);
    }
    return { complete: true, changed, gone };
  });

  const everything = atOneMoment((user: string): UserExport | null => {
    const id = idOf(user);
    if (id === undefined) return null;
    return {
      user,
      lastSeenMs: read.lastSeen.get(user)?.last_seen_ms ?? null,
      follows: names(read.followees, id),
      followers: names(read.followers, id),
      blocks: names(read.blocked, id),
      blockedBy: names(read.blockers, id),
      close: names(read.closeFriends, id),
    };
  });

  const followers = atOneMoment((user: string): readonly string[] => {
    const id = idOf(user);
    return id === undefined ? [] : names(read.followers, id);
  });

  return {
    async ensureUser(user) {
      // Nearly every login is of somebody who is known: no write, and no waiting for one.
      return idOf(user) === undefined && writer.ask('ensureUser', user);
    },
    async hasUser(user) {
      return idOf(user) !== undefined;
    },
    async rosterOf(viewer) {
      return roster(viewer);
    },
    async edgesAmong(viewer, users) {
      const { hiding, close } = hidingAndClose(viewer);
      const edges: Edge[] = [];
      for (const user of new Set(users)) {
        if (user !== viewer && !hiding.has(user)) edges.push({ user, close: close.has(user) });
      }
      return edges;
    },
    async edge(viewer, user) {
      return edge(viewer, user);
    },
    async followersOf(user) {
      return followers(user);
    },
    async changesSince(viewer, at) {
      return late.mayLack(at) ? { complete: false } : changes(viewer, at);
    },
    follow: (follower, followee, at, followsPerUser = Infinity) =>
      late.follow(at, writer.ask('follow', follower, followee, at, followsPerUser)),
    unfollow: (follower, followee, at) => late.follow(at, writer.ask('unfollow', follower, followee, at)),
    block: (user, other, at) => late.follow(at, writer.ask('block', user, other, at)),
    unblock: (user, other, at) => late.follow(at, writer.ask('unblock', user, other, at)),
    setClose: (user, other, close, at) => late.follow(at, writer.ask('setClose', user, other, close, at)),
    async importEdges(edges, at, followsPerUser = Infinity) {
      if (edges.length > MAX_IMPORT_EDGES) throw new RangeError(`at most ${MAX_IMPORT_EDGES} edges a call`);
      return late.follow(at, writer.importEdges(edges, at, followsPerUser));
    },
    async lastSeen(users) {
      const seen = new Map<string, number>();
      for (let i = 0; i < users.length; i++) {
        if (i > 0 && i % LAST_SEEN_A_TURN === 0) await nextTurn();
        const user = users[i] as string;
        const ms = read.lastSeen.get(user)?.last_seen_ms;
        if (ms !== undefined && ms !== null) seen.set(user, ms);
      }
      return seen;
    },
    async recordLastSeen(batch) {
      await Promise.all(batch.map(({ user, ms }) => writer.put('recordLastSeen', user, ms)));
    },
    erase: (user, at) => late.follow(at, writer.ask('erase', user, at)),
    async export(user) {
      return everything(user);
    },
  } satisfies Directory;
}
