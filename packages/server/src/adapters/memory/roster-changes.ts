/** How long an edit of a roster is remembered, in stamps (microseconds); the port asks for ten minutes. */
const CHANGES_KEPT_MICROS = 10 * 60 * 1_000_000;

/** Edits of rosters that leave no trace in the edges themselves: unfollows, blocks, close friends, erasures. */
export type RosterChangeLog = {
  note(viewer: string, user: string, at: number): void;
  /** Something about the viewer's roster changed that can no longer be named. */
  noteUntold(viewer: string, at: number): void;
  /** The users whose edge was edited after the stamp, or null where not all of them are known. */
  since(viewer: string, at: number): ReadonlySet<string> | null;
  /** Forgets the user. Whoever was to be told of an edit that names them is told that something is missing. */
  erase(user: string, at: number): void;
};

export function createRosterChanges(): RosterChangeLog {
  const noted = new Map<string, Map<string, number>>();
  const untold = new Map<string, number>();
  /** In the order of making, for forgetting. */
  const order: { readonly at: number; readonly viewer: string; readonly user: string | null }[] = [];
  let completeFrom = 0;

  function forgetBefore(horizon: number): void {
    for (let oldest = order[0]; oldest !== undefined && oldest.at < horizon; oldest = order[0]) {
      order.shift();
      completeFrom = Math.max(completeFrom, oldest.at);
      if (oldest.user === null) {
        if (untold.get(oldest.viewer) === oldest.at) untold.delete(oldest.viewer);
        continue;
      }
      const users = noted.get(oldest.viewer);
      if (users?.get(oldest.user) === oldest.at) users.delete(oldest.user);
      if (users?.size === 0) noted.delete(oldest.viewer);
    }
  }

  function noteUntold(viewer: string, at: number): void {
    untold.set(viewer, Math.max(untold.get(viewer) ?? at, at));
    order.push({ at, viewer, user: null });
    forgetBefore(at - CHANGES_KEPT_MICROS);
  }

  return {
    note(viewer, user, at) {
      let users = noted.get(viewer);
      if (users === undefined) {
        users = new Map<string, number>();
        noted.set(viewer, users);
      }
      users.set(user, Math.max(users.get(user) ?? at, at));
      order.push({ at, viewer, user });
      forgetBefore(at - CHANGES_KEPT_MICROS);
    },
    noteUntold,
    since(viewer, at) {
      if (at < completeFrom || (untold.get(viewer) ?? 0) > at) return null;
      const users = new Set<string>();
      for (const [user, editedAt] of noted.get(viewer) ?? []) if (editedAt > at) users.add(user);
      return users;
    },
    erase(user, at) {
      noted.delete(user);
      untold.delete(user);
      for (const [viewer, users] of noted) {
        if (users.delete(user)) noteUntold(viewer, at);
        if (users.size === 0) noted.delete(viewer);
      }
      for (let i = order.length - 1; i >= 0; i--) {
        if (order[i]?.viewer === user || order[i]?.user === user) order.splice(i, 1);
      }
    },
  };
}
