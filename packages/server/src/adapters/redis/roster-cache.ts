import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Directory, type EdgeList, MAX_IMPORT_EDGES } from '../../ports/directory.ts';
import { rosterKeys } from './roster-keys.ts';
import { createRosterEdits, type RosterEditOptions } from './roster-marks.ts';
import { KNOWN_USER, rosterOfText, rosterText } from './roster-text.ts';
import { loadScript } from './script.ts';

const READ = loadScript('roster-read', [], true);
const FILL = loadScript('roster-fill', [], true);
const KNOWN = loadScript('roster-known', [], true);

/** How long reading the database may take for the answer to be kept, ms; for so long one reader fills in and no other. */
const TOKEN_MS = 5_000;

/**
 * How long a roster is kept, ms. Nothing depends on it while nodes end what they began; it bounds the memory, and what a node
 * leaves behind that dies at the wrong moment.
 */
export const ROSTER_LIFE_MS = 60 * 60 * 1000;

/** The longest roster that is kept, in UTF-16 units: some 20,000 names. Reading a longer one would hold up Redis. */
export const MAX_ROSTER_UNITS = 512 * 1024;

/** Edges of an import looked at without a pause: well under a millisecond. */
const EDGES_A_TURN = 2_000;

export type RosterCacheOptions = RosterEditOptions & {
  readonly directory: Directory;
  readonly warn: (event: string, detail: Readonly<Record<string, unknown>>) => void;
};

export type RosterCache = Directory & { close(): void };

/**
 * A directory whose rosters are read through Redis: one command where it is there, two beside the database where not.
 *
 * - An edit takes what is kept of each viewer it concerns away before the database is asked, and nobody fills in again before
 *   it is over. So none is ever told to anybody who could still read the roster before it, whoever dies in between.
 * - Where Redis does not answer, rosters are read from the database, and edits are refused as `unavailable`, with nothing
 *   changed: another node may still reach it, and read there what was before.
 */
export function createRosterCache(options: RosterCacheOptions): RosterCache {
  const { directory, link, keys, id, warn } = options;
  const edits = createRosterEdits(options);
  let failing = false;

  /** @returns null where Redis does not answer, or not what was asked */
  async function ask<T>(command: () => Promise<T>): Promise<T | null> {
    try {
      const reply = await command();
      failing = false;
      return reply;
    } catch (error) {
      if (!failing && link.up) warn('roster_cache_failed', { error: String(error) });
      failing = true;
      return null;
    }
  }

  async function isKnown(user: string): Promise<boolean> {
    return (await ask(() => link.run(KNOWN, rosterKeys(keys, user), [KNOWN_USER]))) === 1;
  }

  async function followersIn(edges: EdgeList): Promise<readonly string[]> {
    const followers = new Set<string>();
    let read = 0;
    for (const [follower] of edges) {
      followers.add(follower);
      if (++read % EDGES_A_TURN === 0) await nextTurn();
    }
    return [...followers];
  }

  return {
    ...directory,
    ensureUser: async (user) => !(await isKnown(user)) && directory.ensureUser(user),
    hasUser: async (user) => (await isKnown(user)) || directory.hasUser(user),
    async rosterOf(viewer) {
      const token = id();
      const ofViewer = rosterKeys(keys, viewer);
      const reply = await ask(() => link.run(READ, ofViewer, [token, String(TOKEN_MS)]));
      const kept = typeof reply === 'string' ? rosterOfText(reply) : undefined;
      if (kept !== undefined) return kept;
      const edges = await directory.rosterOf(viewer);
      if (reply !== 1) return edges;
      // Whoever follows somebody is known.
      const text = rosterText(edges, edges.length > 0 || (await directory.hasUser(viewer)));
      if (text.length <= MAX_ROSTER_UNITS)
        void ask(() => link.run(FILL, ofViewer, [token, text, String(ROSTER_LIFE_MS)]));
      return edges;
    },
    follow: (follower, ...rest) => edits.during([follower], () => directory.follow(follower, ...rest)),
    unfollow: (follower, ...rest) => edits.during([follower], () => directory.unfollow(follower, ...rest)),
    // Of these the other is the viewer: it is their view of the user that changes.
    block: (user, other, at) => edits.during([other], () => directory.block(user, other, at)),
    unblock: (user, other, at) => edits.during([other], () => directory.unblock(user, other, at)),
    setClose: (user, other, ...rest) => edits.during([other], () => directory.setClose(user, other, ...rest)),
    async importEdges(edges, ...rest) {
      // It refuses as many.
      if (edges.length > MAX_IMPORT_EDGES) return directory.importEdges(edges, ...rest);
      return edits.during(await followersIn(edges), () => directory.importEdges(edges, ...rest));
    },
    async erase(user, at) {
      const concerned = [user, ...(await directory.followersOf(user))];
      // Whoever began to follow between the two is named by the answer.
      return edits.during(
        concerned,
        () => directory.erase(user, at),
        (followers) => followers,
      );
    },
    close: () => edits.close(),
  } satisfies RosterCache;
}
