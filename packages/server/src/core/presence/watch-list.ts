import type { PresenceRecord } from '../../ports/presence.ts';
import { type ChangeMask, type OutboundFrame, presenceFrame, TRANSITION } from '../outbox/frame.ts';
import { offlineRecord } from './aggregate.ts';
import type { FieldSpec } from './fields.ts';
import { changeMessage, deltaSyncMessage, friendEntry, hiddenMessage, syncMessage } from './messages.ts';
import { SEE_STATUS, type ViewMask, changeBetween } from './visibility.ts';

/**
 * Who on this node watches whom, and what this node knows of the watched: the core of presence fan-out. A change of
 * one user costs as many steps as the user has watchers here, and is encoded once per group of watchers that may see
 * the same parts.
 *
 * `V` is whatever stands for a viewer; the list only compares it.
 */
export type WatchList<V> = {
  /** Adds or changes an edge. True when this is the user's first watcher here: subscribe, then load. */
  watch(viewer: V, user: string, view: ViewMask): boolean;
  /** Removes an edge. True when it was the user's last: unsubscribe. */
  unwatch(viewer: V, user: string): boolean;
  /** Removes all edges of a viewer; returns the users that nobody watches any more. */
  unwatchAll(viewer: V): readonly string[];
  /** Removes the edges of a viewer to everyone else, in one pass; returns the users that nobody watches any more. */
  keepOnly(viewer: V, users: ReadonlySet<string>): readonly string[];
  /** What viewer may see of user, or undefined without an edge. */
  viewOf(viewer: V, user: string): ViewMask | undefined;
  watchedBy(viewer: V): readonly string[];
  edgeCountOf(viewer: V): number;
  isWatched(user: string): boolean;
  isLoaded(user: string): boolean;
  /** The record before, if one was known. */
  recordOf(user: string): PresenceRecord | undefined;
  /**
   * Takes a record from the broker or the store and tells the watchers what they may see of the change. Records that
   * are not newer are ignored: messages may come twice or late.
   *
   * @returns how many viewers were told, or -1 when the record was old or nobody watches
   */
  apply(record: PresenceRecord): number;
  fullSync(viewer: V): string;
  /** Friends whose record is newer than `after`, and those named as changed in what may be seen of them. */
  deltaSync(viewer: V, after: number, changed: readonly string[], gone: readonly string[]): string;
  /** What brings one viewer up to date about one friend. */
  render(viewer: V, user: string, change: ChangeMask): string | null;
  counts(): { readonly users: number; readonly edges: number };
};

type Group<V> = { readonly view: ViewMask; readonly viewers: Set<V> };

type Watched<V> = {
  readonly user: string;
  readonly idJson: string;
  record: PresenceRecord | null;
  /** One group per distinct view mask; nearly always one. */
  groups: Group<V>[];
};

/** @param tell called for each viewer of a change with a frame they share */
export function createWatchList<V>(
  specs: readonly FieldSpec[],
  tell: (viewer: V, frame: OutboundFrame) => void,
): WatchList<V> {
  const users = new Map<string, Watched<V>>();
  const edgesOf = new Map<V, Watched<V>[]>();
  let edgeCount = 0;

  function watch(viewer: V, user: string, view: ViewMask): boolean {
    let watched = users.get(user);
    const first = watched === undefined;
    if (watched === undefined) {
      watched = { user, idJson: JSON.stringify(user), record: null, groups: [] };
      users.set(user, watched);
    }
    const known = groupOf(watched, viewer);
    if (known?.view === view) return first;
    if (known !== undefined) removeFrom(watched, known, viewer);
    else {
      const edges = edgesOf.get(viewer);
      if (edges === undefined) edgesOf.set(viewer, [watched]);
      else edges.push(watched);
      edgeCount++;
    }
    const group = watched.groups.find((candidate) => candidate.view === view);
    if (group === undefined) watched.groups.push({ view, viewers: new Set([viewer]) });
    else group.viewers.add(viewer);
    return first;
  }

  function unwatch(viewer: V, user: string): boolean {
    const watched = users.get(user);
    const group = watched === undefined ? undefined : groupOf(watched, viewer);
    if (watched === undefined || group === undefined) return false;
    const edges = edgesOf.get(viewer);
    if (edges !== undefined) {
      const at = edges.indexOf(watched);
      const last = edges.pop() as Watched<V>;
      if (at < edges.length) edges[at] = last;
      if (edges.length === 0) edgesOf.delete(viewer);
    }
    return dropEdge(watched, group, viewer);
  }

  function unwatchAll(viewer: V): readonly string[] {
    const edges = edgesOf.get(viewer);
    if (edges === undefined) return [];
    edgesOf.delete(viewer);
    const unwatched: string[] = [];
    for (const watched of edges) {
      const group = groupOf(watched, viewer);
      if (group !== undefined && dropEdge(watched, group, viewer)) unwatched.push(watched.user);
    }
    return unwatched;
  }

  function keepOnly(viewer: V, kept: ReadonlySet<string>): readonly string[] {
    const edges = edgesOf.get(viewer);
    if (edges === undefined) return [];
    const staying: Watched<V>[] = [];
    const unwatched: string[] = [];
    for (const watched of edges) {
      if (kept.has(watched.user)) staying.push(watched);
      else {
        const group = groupOf(watched, viewer);
        if (group !== undefined && dropEdge(watched, group, viewer)) unwatched.push(watched.user);
      }
    }
    if (staying.length === 0) edgesOf.delete(viewer);
    else if (staying.length < edges.length) edgesOf.set(viewer, staying);
    return unwatched;
  }

  function dropEdge(watched: Watched<V>, group: Group<V>, viewer: V): boolean {
    removeFrom(watched, group, viewer);
    edgeCount--;
    if (watched.groups.length > 0) return false;
    users.delete(watched.user);
    return true;
  }

  function apply(record: PresenceRecord): number {
    const watched = users.get(record.user);
    if (watched === undefined) return -1;
    const before = watched.record;
    if (before !== null && before.version >= record.version) return -1;
    watched.record = record;
    // Not loaded until now: whoever watches is still joining, or waits for this state, and is told it whole.
    if (before === null) return 0;
    const change = changeBetween(specs, before, record);
    if (change === 0) return 0;
    let told = 0;
    for (const group of watched.groups) {
      const text = changeMessage(specs, watched.idJson, record, change, group.view);
      if (text === null) continue;
      const frame = presenceFrame(record.user, change & (group.view | TRANSITION), text);
      for (const viewer of group.viewers) tell(viewer, frame);
      told += group.viewers.size;
    }
    return told;
  }

  function entry(watched: Watched<V>, view: ViewMask): string {
    return friendEntry(specs, watched.idJson, watched.record ?? offlineRecord(watched.user, null), view);
  }

  return {
    watch,
    unwatch,
    unwatchAll,
    keepOnly,
    apply,
    viewOf(viewer, user) {
      const watched = users.get(user);
      return watched === undefined ? undefined : groupOf(watched, viewer)?.view;
    },
    watchedBy: (viewer) => (edgesOf.get(viewer) ?? []).map((watched) => watched.user),
    edgeCountOf: (viewer) => edgesOf.get(viewer)?.length ?? 0,
    isWatched: (user) => users.has(user),
    isLoaded: (user) => users.get(user)?.record != null,
    recordOf: (user) => users.get(user)?.record ?? undefined,
    fullSync(viewer) {
      let entries = '';
      for (const watched of edgesOf.get(viewer) ?? []) {
        const group = groupOf(watched, viewer);
        if (group !== undefined) entries += (entries === '' ? '' : ',') + entry(watched, group.view);
      }
      return syncMessage(entries);
    },
    deltaSync(viewer, after, changed, gone) {
      const named = new Set(changed);
      let entries = '';
      for (const watched of edgesOf.get(viewer) ?? []) {
        if ((watched.record?.version ?? 0) <= after && !named.has(watched.user)) continue;
        const group = groupOf(watched, viewer);
        if (group !== undefined) entries += (entries === '' ? '' : ',') + entry(watched, group.view);
      }
      return deltaSyncMessage(
        entries,
        gone.filter((user) => !isEdge(viewer, user)),
      );
    },
    render(viewer, user, change) {
      const watched = users.get(user);
      const group = watched === undefined ? undefined : groupOf(watched, viewer);
      if (watched === undefined || group === undefined || watched.record === null) return null;
      // A whole state is owed to someone who may not see the status any more: to them the friend went offline.
      if ((change & TRANSITION) !== 0 && (group.view & SEE_STATUS) === 0)
        return hiddenMessage(watched.idJson);
      return changeMessage(specs, watched.idJson, watched.record, change, group.view);
    },
    counts: () => ({ users: users.size, edges: edgeCount }),
  };

  function isEdge(viewer: V, user: string): boolean {
    const watched = users.get(user);
    return watched !== undefined && groupOf(watched, viewer) !== undefined;
  }
}

function groupOf<V>(watched: Watched<V>, viewer: V): Group<V> | undefined {
  for (const group of watched.groups) if (group.viewers.has(viewer)) return group;
  return undefined;
}

function removeFrom<V>(watched: Watched<V>, group: Group<V>, viewer: V): void {
  group.viewers.delete(viewer);
  if (group.viewers.size === 0) watched.groups = watched.groups.filter((candidate) => candidate !== group);
}
