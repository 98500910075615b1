import type {
  DocumentHead,
  DocumentSnapshot,
  DocumentStore,
  Version,
  VersionHead,
} from '../../ports/documents.ts';
import type { Position } from '../../ports/log.ts';

/** Every result is there at once. */
export interface MemoryDocuments extends DocumentStore {
  head(channel: string): DocumentHead | null;
  snapshot(channel: string): DocumentSnapshot | null;
  put(channel: string, snapshot: DocumentSnapshot, replaces: Position | null): boolean;
  addVersion(channel: string, version: Version): undefined;
  versions(channel: string, before: string | null, limit: number): readonly VersionHead[];
  version(channel: string, id: string): Version | null;
  removeVersion(channel: string, id: string): boolean;
  forget(channel: string): undefined;
}

type Kept = { snapshot: DocumentSnapshot | null; readonly versions: Map<string, Version> };

/** Snapshots and versions in memory: they are lost with the process, as the log beside them is. */
export function createMemoryDocuments(): MemoryDocuments {
  const documents = new Map<string, Kept>();

  function keptOf(channel: string): Kept {
    let kept = documents.get(channel);
    if (kept === undefined) documents.set(channel, (kept = { snapshot: null, versions: new Map() }));
    return kept;
  }

  return {
    head(channel) {
      const snapshot = documents.get(channel)?.snapshot ?? null;
      if (snapshot === null) return null;
      const { position, vector, owners, state } = snapshot;
      return { position, vector: new Map(vector), owners, bytes: state.byteLength };
    },
    snapshot(channel) {
      const snapshot = documents.get(channel)?.snapshot ?? null;
      return snapshot === null ? null : copyOf(snapshot);
    },
    put(channel, snapshot, replaces) {
      const before = documents.get(channel)?.snapshot?.position ?? null;
      if (!isSame(before, replaces)) return false;
      keptOf(channel).snapshot = copyOf(snapshot);
      return true;
    },
    addVersion(channel, { head, state }) {
      keptOf(channel).versions.set(head.id, {
        head: { ...head, position: { ...head.position } },
        state: new Uint8Array(state),
      });
      return undefined;
    },
    versions(channel, before, limit) {
      // There are as many as the contract keeps: sorting them costs less than keeping them sorted.
      return [...(documents.get(channel)?.versions.values() ?? [])]
        .filter(({ head: { id } }) => before === null || id < before)
        .sort(({ head: { id: one } }, { head: { id: other } }) => (one < other ? 1 : -1))
        .slice(0, limit)
        .map(({ head, state }) => ({ ...head, position: { ...head.position }, bytes: state.byteLength }));
    },
    version(channel, id) {
      const version = documents.get(channel)?.versions.get(id);
      if (version === undefined) return null;
      const { head, state } = version;
      return { head: { ...head, position: { ...head.position } }, state: new Uint8Array(state) };
    },
    removeVersion: (channel, id) => documents.get(channel)?.versions.delete(id) ?? false,
    forget(channel) {
      documents.delete(channel);
      return undefined;
    },
  } satisfies MemoryDocuments;
}

/** Whoever has one may hand its bytes to a worker, and what was given may be changed by its giver. */
function copyOf({ position, vector, owners, state }: DocumentSnapshot): DocumentSnapshot {
  return { position: { ...position }, vector: new Map(vector), owners, state: new Uint8Array(state) };
}

function isSame(one: Position | null, other: Position | null): boolean {
  if (one === null || other === null) return one === other;
  return one.epoch === other.epoch && one.offset === other.offset;
}
