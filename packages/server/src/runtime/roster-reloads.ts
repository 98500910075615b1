import type { NodeContext } from './context.ts';
import { type LinkState, isClosed } from './link-state.ts';
import { edgeEdited, reloadRoster, rereadEdge, rosterEdited } from './viewing.ts';

/** What a turn of the loop reads of rosters, in edges: about two milliseconds. The last reading may go beyond it. */
const EDGES_A_TURN = 250;

/** What reading costs whatever its size, in edges. */
const READING_COST = 10;

/** What one connection waits for. */
type Owed = {
  readonly viewer: string;
  /** How many times the whole roster was edited since it was last read; one reading serves them all. */
  reloads: number;
  reloading: boolean;
  readonly users: Set<string>;
};

export type RosterReloads = {
  /** An edge of the viewer was edited. */
  edge(link: LinkState, viewer: string, user: string): void;
  /** The whole roster of the viewer may have changed. */
  roster(link: LinkState, viewer: string): void;
};

/**
 * Reads again what was edited for open connections. An import or an erasure concerns thousands of them at once, so what
 * is read in one turn of the loop is bounded; an edit that comes alone is read at once. The roster of one connection is
 * never read twice at the same time, for the older answer might come last.
 */
export function createRosterReloads(context: NodeContext): RosterReloads {
  const { clock } = context.ports;
  const owedTo = new Map<LinkState, Owed>();
  /** Whose turn comes when. A connection is in it while it waits for anything that may be read now. */
  const waiting = new Set<LinkState>();
  let spent = 0;
  let scheduled = false;

  function owe(link: LinkState, viewer: string): Owed {
    let owed = owedTo.get(link);
    if (owed === undefined) {
      owed = { viewer, reloads: 0, reloading: false, users: new Set() };
      owedTo.set(link, owed);
    }
    return owed;
  }

  /** A new turn begins with the next callback of the clock; until then everything counts against this one. */
  function spend(edges: number): void {
    spent += edges;
    if (scheduled) return;
    scheduled = true;
    clock.defer(() => {
      scheduled = false;
      spent = 0;
      work();
    });
  }

  function work(): void {
    for (const link of waiting) {
      if (spent >= EDGES_A_TURN) return;
      // Its place is at the end again if it waits for more: nobody waits for all that another is owed.
      waiting.delete(link);
      next(link);
    }
  }

  function next(link: LinkState): void {
    const owed = owedTo.get(link);
    if (owed === undefined) return;
    if (isClosed(link)) {
      owedTo.delete(link);
      return;
    }
    if (owed.reloads > 0 && !owed.reloading) reload(link, owed);
    else {
      for (const user of owed.users) {
        owed.users.delete(user);
        reread(link, owed, user);
        break;
      }
    }
    queue(link, owed);
  }

  /** Puts a connection in line if something of what it is owed can be read now. */
  function queue(link: LinkState, owed: Owed): void {
    if (owed.users.size > 0 || (owed.reloads > 0 && !owed.reloading)) waiting.add(link);
    else if (!owed.reloading) owedTo.delete(link);
  }

  function reload(link: LinkState, owed: Owed): void {
    const merged = owed.reloads;
    owed.reloads = 0;
    owed.reloading = true;
    // What was watched before is a guess; what is more than that counts when it is known.
    const guess = context.watchList.edgeCountOf(link);
    spend(READING_COST + guess);
    reloadRoster(context, link, owed.viewer, merged)
      .then((edges) => spend(Math.max(0, edges - guess)))
      .catch((error: unknown) => failed(link, error))
      .finally(() => {
        owed.reloading = false;
        queue(link, owed);
        work();
      });
  }

  function reread(link: LinkState, owed: Owed, user: string): void {
    // A client that knows no delta syncs is sent everything where a friend is gone.
    spend(READING_COST + (link.knowsDelta ? 0 : context.watchList.edgeCountOf(link)));
    rereadEdge(context, link, owed.viewer, user).catch((error: unknown) => failed(link, error));
  }

  function failed(link: LinkState, error: unknown): void {
    // The viewer cannot be left with an unknown view: a new connection reads everything afresh.
    context.ports.telemetry.warn('roster_read_failed', { error: String(error) });
    context.closeLink(link, 'node_failed');
  }

  return {
    edge(link, viewer, user) {
      if (!edgeEdited(context, link, user)) return;
      const owed = owe(link, viewer);
      owed.users.add(user);
      waiting.add(link);
      work();
    },
    roster(link, viewer) {
      if (!rosterEdited(link)) return;
      const owed = owe(link, viewer);
      owed.reloads++;
      if (!owed.reloading) waiting.add(link);
      work();
    },
  };
}
