import type { DocumentSpec } from '../../core/channel/channel-spec.ts';
import { encodeOwners, type Owners } from '../../core/document/owners.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { DocumentEngine } from '../../ports/document-engine.ts';
import type { DocumentSnapshot, DocumentStore } from '../../ports/documents.ts';
import type { Log, Position, Publication } from '../../ports/log.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { bytesOf, type Kept } from './reading-document.ts';
import type { RoomSize } from './room-face.ts';

/** Updates that stay in the log behind a snapshot, for clients that were away for a moment, and UTF-16 units of them. */
export const KEPT_UPDATES = 1_000;
export const KEPT_UNITS = 1024 * 1024;

/** A compaction that failed is tried again after so long, doubled each time up to the longest, ms. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export type Compaction = {
  readonly running: boolean;
  /** Begins one where the tail has grown enough; `must`: where there is any tail. */
  consider(size: RoomSize, must: boolean): void;
  /** Never rejects. */
  run(): Promise<void>;
  stop(): void;
};

export type CompactionParts = {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly log: Log;
  readonly store: DocumentStore;
  readonly engine: DocumentEngine;
  readonly spec: DocumentSpec;
  read(): Promise<Kept<DocumentSnapshot>>;
  /** As of a position that is not before what was read. */
  owners(): Owners;
  /** Reads what the log has, so that `owners` is not before it. */
  catchUp(): Promise<void>;
  /** There is a new snapshot: of so many bytes, up to there. */
  kept(bytes: number, upTo: Position): void;
};

/** Puts the tail of a document into its snapshot. Two nodes may do so at once: the store keeps one of them. */
export function createCompaction(
  channel: string,
  { clock, telemetry, log, store, engine, spec, ...room }: CompactionParts,
): Compaction {
  let current: Promise<void> | null = null;
  let pauseMs = 0;
  let pause: Timer | null = null;
  let stopped = false;

  function consider({ snapshotBytes, tailBytes, tailUpdates }: RoomSize, must: boolean): void {
    if (current !== null || pause !== null || stopped || tailUpdates === 0) return;
    const isDue =
      tailUpdates >= spec.compactUpdates || tailBytes >= Math.max(spec.compactBytes, snapshotBytes / 4);
    if (isDue || must) void run();
  }

  function run(): Promise<void> {
    return (current ??= compact().then(
      () => {
        current = null;
        pauseMs = 0;
      },
      (error: unknown) => {
        current = null;
        telemetry.documentCompacted(false, 0);
        telemetry.warn('document_compaction_failed', { channel, error: String(error) });
        pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2));
        if (stopped) return;
        pause = clock.setTimer(pauseMs, () => (pause = null));
      },
    ));
  }

  async function compact(): Promise<void> {
    const startedMs = clock.monotonicMs();
    const { snapshot, top, tail } = await room.read();
    // Where the last trim failed there may be more in the log than belongs there.
    if (tail.length === 0) return trim(top, tail);
    // The owners of what is put into the snapshot must be among those that are kept with it.
    await room.catchUp();
    const owners = encodeOwners(room.owners());
    const job = await engine.compact({ state: snapshot?.state ?? null, tail: tail.map(bytesOf) });
    if (!job.ok) throw new Error(job.detail);
    const { state, vector } = job;
    // The document was deleted meanwhile: what it said must not come back.
    if ((await log.top(channel)).epoch !== top.epoch) return;
    const isKept = await store.put(
      channel,
      { position: top, vector, owners, state },
      snapshot?.position ?? null,
    );
    if (!isKept) {
      // Another node was faster: what it kept is as good.
      const head = await store.head(channel);
      if (head !== null) room.kept(head.bytes, head.position);
      return;
    }
    if (snapshot === null && (await isDeleted(top))) return store.forget(channel);
    telemetry.documentCompacted(true, clock.monotonicMs() - startedMs);
    room.kept(state.length, top);
    await trim(top, tail);
  }

  /** What is before the tail was held to the same when it was put into the snapshot. */
  async function trim(top: Position, tail: readonly Publication[]): Promise<void> {
    let units = 0;
    const tooFar = tail.findLast(({ data }) => (units += data?.length ?? 0) > KEPT_UNITS);
    const offset = Math.max(tooFar?.offset ?? 0, top.offset - KEPT_UPDATES);
    if (offset > 0) await log.trim(channel, { epoch: top.epoch, offset });
  }

  /**
   * It was deleted while its first snapshot was put, which had none to replace: it must not be the first of what comes now. Where only the
   * log's server is another one its versions are there, and nothing may go.
   */
  async function isDeleted({ epoch }: Position): Promise<boolean> {
    return (await log.top(channel)).epoch !== epoch && (await store.versions(channel, null, 1)).length === 0;
  }

  return {
    get running() {
      return current !== null;
    },
    consider,
    run,
    stop() {
      stopped = true;
      pause?.cancel();
      pause = null;
    },
  };
}
