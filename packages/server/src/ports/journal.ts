import type { DeviceState } from './presence.ts';
import type { SessionRecord } from './sessions.ts';

/** A device as journalled. Its sessions are those of the journal's sessions that name it. */
export type JournalDevice = {
  readonly user: string;
  readonly device: string;
  readonly state: DeviceState;
  /** Set where an HTTP status holds the device by its time to live. */
  readonly leaseExpiresAtMs: number | null;
};

export type JournalContents = {
  readonly sessions: readonly SessionRecord[];
  readonly devices: readonly JournalDevice[];
  /**
   * When the process that wrote the journal was last known to live, ms since the epoch by its steady time, which no
   * setting of the clock moves: for spans. Null for a new journal.
   */
  readonly aliveAtMs: number | null;
  /** The same moment by the wall clock as it stood then: for what people are told. Null where it was never noted. */
  readonly aliveWallMs: number | null;
  /** The highest stamp given out before; new ones must lie above it. */
  readonly stamp: number;
};

/**
 * Where the in-process stores of a single node keep what must outlive the process.
 *
 * - Writes MUST become durable in the order they were made; a later one MUST NOT survive without the earlier ones.
 * - The promise MUST resolve once the write survives a `kill -9` of the process (not necessarily a power failure).
 * - A write MUST NOT hold up the event loop. Writes of one turn SHOULD share one commit.
 * - A write that cannot be taken MUST reject with `storeUnavailable`; dropping MUST be taken as long as the journal works
 *   at all, for it is what makes room.
 */
export interface Journal {
  putSession(session: SessionRecord): Promise<void>;
  dropSession(id: string): Promise<void>;
  putDevice(device: JournalDevice): Promise<void>;
  dropDevice(user: string, device: string): Promise<void>;
  /**
   * Notes that the process lives, and the highest stamp given out. Not awaited.
   *
   * @param nowMs by the steady time
   * @param wallMs by the wall clock; where it is absent, what was noted before stays
   */
  alive(nowMs: number, stamp: number, wallMs?: number): void;
  load(): Promise<JournalContents>;
}
