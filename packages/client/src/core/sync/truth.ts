import type { MapChange, MapEntry } from '../channels/map-view.ts';
import type { SyncToken } from './mutation.ts';
import { type Held, type SyncData, finish, forgetOldest } from './state.ts';
import type { SnapshotEntry } from './sync-events.ts';

/** What the backend is known to hold of a key: of the channel's entry and the app's the higher version, else the channel's. */
export function truthOf({ channel, app }: SyncData, key: string): MapEntry | undefined {
  const told = channel.get(key);
  const read = app.get(key);
  if (told === undefined || read === undefined) return told ?? read;
  return told.version !== null && read.version !== null && read.version > told.version ? read : told;
}

/** All keys of which something is known. */
export function truthKeys({ channel, app }: SyncData): Set<string> {
  return new Set([...channel.keys(), ...app.keys()]);
}

/**
 * Takes what the channel tells of one message, and lets go of the mutations that it includes: in one step, so that nobody ever sees the
 * entry without the mutation that made it, or with it twice.
 */
export function takeChanges(sync: SyncData, changes: readonly MapChange[]): void {
  const { channel, app, seenRefs, deletedVersions } = sync;
  for (const { key, before, after, ref, deleted } of changes) {
    sync.touched.add(key);
    if (after !== undefined) channel.set(key, after);
    else {
      channel.delete(key);
      if (deleted !== undefined) {
        app.delete(key);
        sync.deletedSince?.add(key);
        if (deleted !== null) {
          deletedVersions.delete(key);
          deletedVersions.set(key, deleted);
          forgetOldest(deletedVersions);
        }
      } else if (before !== undefined && sync.wantsSnapshot && sync.wasComplete) {
        // The channel has forgotten it; whether it is gone the app's snapshot says.
        app.set(key, before);
      }
    }
    if (ref === undefined) continue;
    seenRefs.delete(ref);
    const version = after?.version ?? deleted ?? null;
    seenRefs.set(ref, version);
    confirmRef(sync, ref, version);
  }
  forgetOldest(seenRefs);
  confirmVersions(sync);
}

/** A publication says that it is of this mutation: the backend has carried it out, whatever its answer was or will be. */
function confirmRef(sync: SyncData, ref: string, version: number | null): void {
  const seen = sync.byId.get(ref);
  if (seen === undefined) return;
  const { key } = seen.change;
  // Other tabs know by it when they have seen it too: a later version would have them wait for more than that.
  if (version !== null) seen.token ??= { key, version };
  // Those of the key before it were answered before it was sent, and are in what it made. Their own publications may have been left out.
  for (const held of [...sync.held]) {
    if (held === seen) break;
    if (held.change.key === key && held.state === 'accepted') finish(sync, held, 'confirmed');
  }
  finish(sync, seen, 'confirmed');
}

/** Lets go of what was answered with a version that the key has, or had when it was deleted. */
export function confirmVersions(sync: SyncData): void {
  for (const held of [...sync.held])
    if (held.state === 'accepted' && held.token !== null && includes(sync, held.token))
      finish(sync, held, 'confirmed');
}

/** Whether what the channel shows includes what a token stands for. */
export function includes(sync: SyncData, token: SyncToken): boolean {
  if (typeof token === 'string') return sync.seenRefs.has(token);
  const { key, version } = token;
  return Math.max(truthOf(sync, key)?.version ?? -1, sync.deletedVersions.get(key) ?? -1) >= version;
}

/** A mutation of the store is new here: its publication may have been here before. */
export function confirmFound(sync: SyncData, found: readonly Held[]): void {
  if (found.length === 0) return;
  const refs = refsOf(sync);
  for (const { change } of found) {
    const version = refs.get(change.id);
    if (version !== undefined) confirmRef(sync, change.id, version);
  }
  confirmVersions(sync);
}

/** The refs that are known, of publications that were seen and of entries, with their versions. */
export function refsOf({ channel, seenRefs }: SyncData): Map<string, number | null> {
  const refs = new Map(seenRefs);
  for (const { ref, version } of channel.values()) if (ref !== undefined) refs.set(ref, version);
  return refs;
}

/** The app's own snapshot is here. What the channel deleted while it was read stays deleted. */
export function takeSnapshot(sync: SyncData, entries: readonly SnapshotEntry[]): void {
  for (const key of sync.app.keys()) sync.touched.add(key);
  const { deletedSince } = sync;
  sync.app = new Map();
  for (const { key, value, version = null } of entries) {
    if (deletedSince?.has(key) === true) continue;
    sync.app.set(key, { key, value, version, offset: 0, atMs: null, by: null });
    sync.touched.add(key);
  }
  sync.deletedSince = null;
  sync.wantsSnapshot = false;
  confirmVersions(sync);
}
