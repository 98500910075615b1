import type { FollowResult } from '../../../ports/directory.ts';
import { createPostgresBuilder, textsOf } from '../compile.ts';
import { CHANGES_KEPT_MICROS, PURGED_AT_ONCE } from '../directory-handlers.ts';
import { ERASURE, directoryWrites } from '../directory-writes.ts';
import { IN_TIME_MS, SLACK_MS } from '../late-edits.ts';
import type { DirectoryTables } from '../tables.ts';
import type { PgTransaction, Postgres } from './connection.ts';
import { pgStatement, pgStatements } from './statement.ts';
import { type TurnQueue, createTurnQueue } from './turn-queue.ts';

type Between = { readonly user: string; readonly other: string; readonly at: number };

export type DirectoryEdit =
  | (Between & { readonly kind: 'follow'; readonly followsPerUser: number })
  | (Between & { readonly kind: 'unfollow' | 'block' | 'unblock' })
  | (Between & { readonly kind: 'close'; readonly close: boolean })
  | { readonly kind: 'erase'; readonly user: string; readonly at: number };

export type EditResult = {
  readonly follow: FollowResult;
  readonly unfollow: boolean;
  readonly block: boolean;
  readonly unblock: boolean;
  readonly close: boolean;
  readonly erase: readonly string[];
};

type AnyResult = EditResult[keyof EditResult];

/** Edits that share a transaction: while it lasts the people in it are locked. */
const EDITS_A_TRANSACTION = 64;

/** Each some milliseconds of Postgres's: so many wait for a minute. */
const MAX_WAITING_EDITS = 10_000;

/** Imports take it alone, and edits together: an import then need not lock everybody in it one by one. */
export const DIRECTORY_LOCK = 3_405_691_584;

/** The same statements as in SQLite. */
const run = pgStatements('directory', textsOf(directoryWrites(createPostgresBuilder<DirectoryTables>())));

/** names: in one order everywhere, so that of two nodes neither waits for the other in a circle */
const lockUsers = pgStatement<{ id: number; name: string }>(
  'directory_lock_users',
  'SELECT id, name FROM users WHERE name = ANY($1::text[]) ORDER BY id FOR UPDATE',
);

/** stamp, how many: those that another transaction purges are left to it */
const purgeChanges = pgStatement<{ at: number }>(
  'directory_purge_changes',
  `DELETE FROM roster_changes USING (
      SELECT viewer, subject FROM roster_changes WHERE at < $1 ORDER BY at LIMIT $2::bigint
      FOR UPDATE SKIP LOCKED
    ) AS old
    WHERE roster_changes.viewer = old.viewer AND roster_changes.subject = old.subject
    RETURNING roster_changes.at`,
);

/** from, until, before */
const noteLate = pgStatement(
  'directory_note_late',
  `WITH old AS (DELETE FROM late_edits WHERE until_at < $3::bigint)
    INSERT INTO late_edits VALUES ($1, $2)`,
);

type Queued = { readonly edit: DirectoryEdit; readonly askedMs: number };

/** @param nowMs a clock in milliseconds */
export function createEditQueue(
  postgres: Postgres,
  nowMs: () => number,
): { ask(edit: DirectoryEdit): Promise<AnyResult> } {
  const queue: TurnQueue<Queued, AnyResult> = createTurnQueue<Queued, AnyResult>({
    what: 'the directory',
    atOnce: EDITS_A_TRANSACTION,
    waiting: MAX_WAITING_EDITS,
    async run(items) {
      const results = await postgres.transaction(async (within) => {
        const done = await editAll(
          within,
          items.map(({ edit }) => edit),
        );
        await noteIfLate(within, items, nowMs());
        return done;
      });
      // What the commit itself took. Until it is noted, this node knows of it by itself.
      const late = items.filter(({ askedMs }) => nowMs() - askedMs > IN_TIME_MS);
      if (late.length > 0) await postgres.transaction((within) => noteIfLate(within, late, nowMs()));
      return results;
    },
  });
  return { ask: (edit) => queue.ask({ edit, askedMs: nowMs() }) };
}

/** Where edits come long after their stamps, other nodes must know: they answer clients who have a later one. */
async function noteIfLate(within: PgTransaction, items: readonly Queued[], nowMs: number): Promise<void> {
  const late = items.filter(({ askedMs }) => nowMs - askedMs > IN_TIME_MS);
  if (late.length === 0) return;
  const from = Math.min(...late.map(({ edit }) => edit.at));
  const until = Math.max(...late.map(({ edit, askedMs }) => edit.at + (nowMs - askedMs + SLACK_MS) * 1000));
  await within.run(noteLate, from, Math.ceil(until), from - CHANGES_KEPT_MICROS);
}

async function editAll(
  within: PgTransaction,
  edits: readonly DirectoryEdit[],
): Promise<readonly AnyResult[]> {
  const names = new Set<string>();
  for (const edit of edits) {
    names.add(edit.user);
    if (edit.kind !== 'erase') names.add(edit.other);
  }
  const [, users] = await Promise.all([
    within.exec(`SELECT pg_advisory_xact_lock_shared(${DIRECTORY_LOCK})`),
    within.run(lockUsers, [...names]),
  ]);
  const ids = new Map(users.map(({ id, name }) => [name, id]));
  const results: AnyResult[] = [];
  for (const edit of edits) results.push(await editOne(within, edit, ids));
  return results;
}

async function editOne(
  within: PgTransaction,
  edit: DirectoryEdit,
  ids: Map<string, number>,
): Promise<AnyResult> {
  const a = ids.get(edit.user);
  if (edit.kind === 'erase') {
    ids.delete(edit.user);
    return a === undefined ? [] : erase(within, a, edit.at);
  }
  const b = ids.get(edit.other);
  if (a === undefined || b === undefined || a === b) return edit.kind === 'follow' ? 'unchanged' : false;
  switch (edit.kind) {
    case 'follow':
      return follow(within, a, b, edit.at, edit.followsPerUser);
    case 'unfollow': {
      if (!(await changes(within, 'DELETE FROM follows WHERE follower = $1 AND followee = $2', a, b)))
        return false;
      if (!(await isThere(within, run.blocks, b, a))) await note(within, a, b, edit.at);
      return true;
    }
    case 'block':
    case 'unblock': {
      const text =
        edit.kind === 'block'
          ? 'INSERT INTO blocks VALUES ($1, $2) ON CONFLICT DO NOTHING'
          : 'DELETE FROM blocks WHERE blocker = $1 AND blocked = $2';
      if (!(await changes(within, text, a, b))) return false;
      if (await isThere(within, run.follows, b, a)) await note(within, b, a, edit.at);
      return true;
    }
    case 'close': {
      const text = edit.close
        ? 'INSERT INTO close_friends VALUES ($1, $2) ON CONFLICT DO NOTHING'
        : 'DELETE FROM close_friends WHERE owner = $1 AND friend = $2';
      if (!(await changes(within, text, a, b))) return false;
      // Somebody who is blocked must not learn even that something about them was changed.
      const isSeen = (await isThere(within, run.follows, b, a)) && !(await isThere(within, run.blocks, a, b));
      if (isSeen) await note(within, b, a, edit.at);
      return true;
    }
  }
}

/** Whether a statement about two people changed a row. */
async function changes(within: PgTransaction, text: string, a: number, b: number): Promise<boolean> {
  const name = `directory_${text.slice(0, 40).replaceAll(/\W+/g, '_').toLowerCase()}`;
  const rows = await within.run(pgStatement<{ one: number }>(name, `${text} RETURNING 1 AS one`), a, b);
  return rows.length > 0;
}

async function isThere(
  within: PgTransaction,
  statement: typeof run.follows | typeof run.blocks,
  a: number,
  b: number,
): Promise<boolean> {
  return (await within.run(statement as typeof run.follows, a, b)).length > 0;
}

async function follow(
  within: PgTransaction,
  a: number,
  b: number,
  at: number,
  followsPerUser: number,
): Promise<FollowResult> {
  if (await isThere(within, run.follows, a, b)) return 'unchanged';
  // The follower is locked: two edits at once, on whichever nodes, cannot both take the last place.
  const [count] = await within.run(run.followCount, a);
  if ((count?.follows ?? 0) >= followsPerUser) return 'limit';
  await within.run(run.addFollow, a, b, at);
  return 'changed';
}

async function note(within: PgTransaction, viewer: number, subject: number, at: number): Promise<void> {
  await within.run(run.noteChange, viewer, subject, at);
  await purge(within, at);
}

async function purge(within: PgTransaction, at: number): Promise<void> {
  const purged = await within.run(purgeChanges, at - CHANGES_KEPT_MICROS, PURGED_AT_ONCE);
  if (purged.length === 0) return;
  const last = Math.max(...purged.map((change) => change.at));
  await within.run(run.raiseCompleteFrom, last, last);
}

async function erase(within: PgTransaction, id: number, at: number): Promise<readonly string[]> {
  const followers = await within.run(run.followers, id);
  await within.run(run.noteErasure, at, id);
  await within.run(run.noteUntold, at, id);
  for (const name of ERASURE) await within.run(run[name], id);
  await purge(within, at);
  return followers.map(({ name }) => name);
}
