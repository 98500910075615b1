import { type Directory, type Edge, MAX_IMPORT_EDGES, type RosterChanges } from '../../../ports/directory.ts';
import { createLateEdits } from '../late-edits.ts';
import { type DirectoryEdit, type EditResult, createEditQueue } from './directory-edits.ts';
import { createEdgeImporter } from './directory-import.ts';
import {
  closeOwners,
  edgeBetween,
  exported,
  followersOf,
  blockersOf,
  hasUser,
  lastSeenOf,
  rosterChanges,
  rosterOf,
} from './directory-sql.ts';
import type { KeptQueue } from './kept-writes.ts';
import type { Postgres } from './connection.ts';
import { WHOLE_ROSTER } from '../tables.ts';
import { pgStatement } from './statement.ts';

/** Names asked for in one statement. */
const NAMES_A_STATEMENT = 10_000;

/** name. Of several at once one creates the user. */
const addUser = pgStatement<{ id: number }>(
  'add_user',
  'INSERT INTO users (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING id',
);

/**
 * The directory in Postgres. Each read is one statement, and so of one moment.
 *
 * @param queue last seen is written with what else the node writes for itself
 */
export function createPostgresDirectory(postgres: Postgres, queue: KeptQueue): Directory {
  const late = createLateEdits(() => performance.now());
  const importEdges = createEdgeImporter(postgres);
  const edits = createEditQueue(postgres, () => performance.now());

  function edit<Kind extends DirectoryEdit['kind']>(
    asked: DirectoryEdit & { readonly kind: Kind },
  ): Promise<EditResult[Kind]> {
    return late.follow(asked.at, edits.ask(asked) as Promise<EditResult[Kind]>);
  }

  return {
    async ensureUser(user) {
      // Nearly every login is of somebody who is known: no write.
      if ((await postgres.run(hasUser, user)).length > 0) return false;
      return (await postgres.run(addUser, user)).length > 0;
    },
    async hasUser(user) {
      return (await postgres.run(hasUser, user)).length > 0;
    },
    async rosterOf(viewer) {
      const rows = await postgres.run(rosterOf, viewer);
      return rows.map(({ name, close }) => ({ user: name, close }));
    },
    async edgesAmong(viewer, users) {
      const [hidingRows, closeRows] = await Promise.all([
        postgres.run(blockersOf, viewer),
        postgres.run(closeOwners, viewer),
      ]);
      const hiding = new Set(hidingRows.map(({ name }) => name));
      const close = new Set(closeRows.map(({ name }) => name));
      const edges: Edge[] = [];
      for (const user of new Set(users)) {
        if (user !== viewer && !hiding.has(user)) edges.push({ user, close: close.has(user) });
      }
      return edges;
    },
    async edge(viewer, user) {
      const [row] = await postgres.run(edgeBetween, viewer, user);
      return row === undefined ? null : { user, close: row.close };
    },
    async followersOf(user) {
      return (await postgres.run(followersOf, user)).map(({ name }) => name);
    },
    async changesSince(viewer, at) {
      if (late.mayLack(at)) return { complete: false };
      return changesOf(await postgres.run(rosterChanges, viewer, at), at);
    },
    follow: (user, other, at, followsPerUser = Infinity) =>
      edit({ kind: 'follow', user, other, at, followsPerUser }),
    unfollow: (user, other, at) => edit({ kind: 'unfollow', user, other, at }),
    block: (user, other, at) => edit({ kind: 'block', user, other, at }),
    unblock: (user, other, at) => edit({ kind: 'unblock', user, other, at }),
    setClose: (user, other, close, at) => edit({ kind: 'close', user, other, close, at }),
    async importEdges(edges, at, followsPerUser = Infinity) {
      if (edges.length > MAX_IMPORT_EDGES) throw new RangeError(`at most ${MAX_IMPORT_EDGES} edges a call`);
      return late.follow(at, importEdges(edges, at, followsPerUser));
    },
    async lastSeen(users) {
      const seen = new Map<string, number>();
      for (let i = 0; i < users.length; i += NAMES_A_STATEMENT) {
        const rows = await postgres.run(lastSeenOf, users.slice(i, i + NAMES_A_STATEMENT));
        for (const { name, last_seen_ms } of rows) seen.set(name, last_seen_ms);
      }
      return seen;
    },
    async recordLastSeen(batch) {
      await Promise.all(batch.map(({ user, ms }) => queue.ask({ kind: 'seen', user, ms })));
    },
    erase: (user, at) => edit({ kind: 'erase', user, at }),
    async export(user) {
      const [row] = await postgres.run(exported, user);
      if (row === undefined) return null;
      return {
        user,
        lastSeenMs: row.last_seen_ms,
        follows: row.follows,
        followers: row.followers,
        blocks: row.blocks,
        blockedBy: row.blocked_by,
        close: row.close,
      };
    },
  } satisfies Directory;
}

/** @param rows the first says what the directory knows at all */
function changesOf(
  rows: readonly {
    readonly complete_from: number;
    readonly is_late: boolean;
    readonly subject: number | null;
    readonly name: string | null;
    readonly is_edge: boolean;
    readonly was_noted: boolean;
  }[],
  at: number,
): RosterChanges {
  const [first] = rows;
  if (first === undefined || at < first.complete_from || first.is_late) return { complete: false };
  const changed: string[] = [];
  const gone: string[] = [];
  for (const { subject, name, is_edge, was_noted } of rows) {
    if (subject === null) continue;
    if (subject === WHOLE_ROSTER || name === null) return { complete: false };
    if (is_edge) changed.push(name);
    else if (was_noted) gone.push(name);
  }
  return { complete: true, changed, gone };
}
