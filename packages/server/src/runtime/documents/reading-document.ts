import type { DocumentHead, DocumentSnapshot, DocumentStore } from '../../ports/documents.ts';
import type { Log, Position, Publication, Retention } from '../../ports/log.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';

/** Compactions that may overtake one reading. */
const MAX_READINGS = 5;

/** A snapshot, if there is one, and the publications behind it. */
export type Kept<Snapshot> = {
  readonly snapshot: Snapshot | null;
  readonly top: Position;
  readonly tail: readonly Publication[];
};

/**
 * Reads a document. The tail fits the snapshot, whatever is put into it meanwhile. Where the log began anew, all that it still has
 * is the tail: what of it is in the snapshot does no harm, and what was lost is with those who wrote it.
 *
 * @throws storeUnavailable where snapshots are made faster than they can be read
 */
export async function readKept<Snapshot extends { readonly position: Position }>(
  channel: string,
  log: Log,
  retention: Retention,
  nowMs: () => number,
  readSnapshot: () => Promise<Snapshot | null> | Snapshot | null,
): Promise<Kept<Snapshot>> {
  for (let readings = 0; readings < MAX_READINGS; readings++) {
    const snapshot = await readSnapshot();
    const from = snapshot?.position ?? { epoch: (await log.top(channel)).epoch, offset: 0 };
    const result = await log.read(channel, from, retention, nowMs());
    if (result.ok) return { snapshot, top: result.top, tail: result.publications };
    if (result.why === 'trimmed') continue;
    const oldest = { offset: null, reverse: false, limit: 1, sinceMs: null };
    const { top, floor } = await log.history(channel, oldest, retention, nowMs());
    const anew = await log.read(channel, { epoch: top.epoch, offset: floor }, retention, nowMs());
    if (anew.ok) return { snapshot, top: anew.top, tail: anew.publications };
  }
  throw storeUnavailable('the document is being put together faster than it is read');
}

export function readDocument(
  channel: string,
  log: Log,
  store: DocumentStore,
  retention: Retention,
  nowMs: () => number,
): Promise<Kept<DocumentSnapshot>> {
  return readKept(channel, log, retention, nowMs, () => store.snapshot(channel));
}

export function readHead(
  channel: string,
  log: Log,
  store: DocumentStore,
  retention: Retention,
  nowMs: () => number,
): Promise<Kept<DocumentHead>> {
  return readKept(channel, log, retention, nowMs, () => store.head(channel));
}

/** The bytes of an update as it is kept: base64 as JSON text. */
export function bytesOf({ data }: Publication): Uint8Array {
  return Buffer.from((data ?? '""').slice(1, -1), 'base64');
}
