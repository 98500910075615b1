import * as Y from 'yjs';
import type { Replica } from '../core/document/document-events.ts';
import type { Report } from '../listeners.ts';

/**
 * A Y.Doc as the core of a document sees it.
 *
 * @param doc the present one
 * @param origin of what the server sent, in the events of the document
 */
export function replicaOf(doc: () => Y.Doc, origin: unknown, report: Report): Replica {
  return {
    clientId: () => doc().clientID,
    hasOf: (clientId) => doc().store.clients.has(clientId),
    vector: () => Y.encodeStateVector(doc()),
    missing(vector, seen) {
      const update = Y.encodeStateAsUpdate(doc(), vector);
      const deleted = Y.mergeDeleteSets(seen.map((each) => Y.decodeUpdate(each).ds));
      const known = Y.createSnapshot(deleted, Y.decodeStateVector(vector));
      return Y.snapshotContainsUpdate(known, update) ? null : update;
    },
    merge: (updates) => Y.mergeUpdates([...updates]),
    clientsOf: (update) => [...Y.parseUpdateMeta(update).to.keys()],
    apply(updates) {
      const { store } = doc();
      const waited = store.pendingStructs !== null || store.pendingDs !== null;
      try {
        // At once, so that an editor draws once.
        Y.transact(
          doc(),
          () => {
            for (const update of updates) Y.applyUpdate(doc(), update, origin);
          },
          origin,
          false,
        );
      } catch (error) {
        // It may have been an observer of the app's: then all is there.
        report(error);
        if (!hasAll(doc(), updates)) return false;
      }
      return waited || (store.pendingStructs === null && store.pendingDs === null);
    },
  };
}

function covers({ store }: Y.Doc, vector: ReadonlyMap<number, number>): boolean {
  for (const [client, clock] of vector) if (Y.getState(store, client) < clock) return false;
  return true;
}

function hasAll(doc: Y.Doc, updates: readonly Uint8Array[]): boolean {
  try {
    return updates.every((update) => covers(doc, Y.parseUpdateMeta(update).to));
  } catch {
    // It was none.
    return false;
  }
}
