import type { NodeMessage } from '../ports/broker.ts';
import type { NodeContext } from './context.ts';

/** Viewers whose changes are asked for at once. */
export const VIEWERS_A_ROUND = 100;

/** So many edited edges are read one by one; for more, the whole roster is. */
const EDGES_ONE_BY_ONE = 50;

/** Brings the rosters of connected viewers up to date, where edits may have been published in vain. */
export type RosterCatchUp = {
  /** @param seen the stamp up to which every edit had surely come */
  begin(seen: number): void;
  /** Does the next part. Rejects where the directory does not answer; it is then repeated. */
  next(): Promise<void>;
  readonly waiting: boolean;
};

/** @param receive takes edits as if they had just been published */
export function createRosterCatchUp(
  context: NodeContext,
  receive: (message: NodeMessage) => void,
): RosterCatchUp {
  const { directory } = context.ports;
  const { followsOf, stampMarginMs } = context.settings;
  /** Goes on over users who come and go: whoever comes now reads their roster anyway. */
  let viewers: IterableIterator<string> | null = null;
  let slice: string[] = [];
  let since = 0;

  function nextSlice(): string[] {
    const users: string[] = [];
    while (viewers !== null && users.length < VIEWERS_A_ROUND) {
      const next = viewers.next();
      if (next.done === true) viewers = null;
      else if (isConnected(next.value)) users.push(next.value);
    }
    return users;
  }

  function isConnected(user: string): boolean {
    for (const { link } of context.sessionsOf.get(user) ?? []) if (link !== null) return true;
    return false;
  }

  async function catchUp(viewer: string): Promise<void> {
    // What the app's hook would have said since is not known; nor does the directory note a block between such people.
    const changes =
      followsOf === null ? await directory.changesSince(viewer, since) : ({ complete: false } as const);
    if (!changes.complete || changes.changed.length + changes.gone.length > EDGES_ONE_BY_ONE)
      return receive({ kind: 'roster', user: viewer });
    for (const user of changes.changed) receive({ kind: 'edge', viewer, user });
    for (const user of changes.gone) receive({ kind: 'edge', viewer, user });
  }

  return {
    begin(seen) {
      const from = seen - stampMarginMs * 1000;
      since = viewers === null && slice.length === 0 ? from : Math.min(since, from);
      viewers = context.sessionsOf.keys();
      slice = [];
    },
    async next() {
      if (slice.length === 0) slice = nextSlice();
      await Promise.all(slice.map(catchUp));
      slice = [];
    },
    get waiting() {
      return viewers !== null || slice.length > 0;
    },
  };
}
