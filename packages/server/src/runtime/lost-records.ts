import { changeBetween } from '../core/presence/visibility.ts';
import type { PresenceRecord } from '../ports/presence.ts';
import type { NodeContext } from './context.ts';

/**
 * Records that the store lost: it came back empty, or older, and knows a lower version of somebody than this node does. Whoever
 * holds the user's devices puts them back, and publishes what differs. Where nobody does, for the node that held them
 * died too, nothing is ever published, and the user would be shown as they were for ever.
 */
export type LostRecords = {
  /**
   * @param held the version that this node had when the record was asked for
   * @returns the record as it is to be taken: what the store has said for long enough is true, whatever its version
   */
  judge(record: PresenceRecord, held: number | undefined): PresenceRecord;
  /** Called now and then, so that nobody is kept whom nobody watches. */
  forgetUnwatched(): void;
};

/** @param trustedAfterMs by then whoever held the user has put them back, or was swept */
export function createLostRecords(context: NodeContext, trustedAfterMs: number): LostRecords {
  const { clock } = context.ports;
  const { watchList, settings } = context;
  /** Since when the store has been behind, by user. */
  const behindSinceMs = new Map<string, number>();

  return {
    judge(record, held) {
      const { user } = record;
      const known = watchList.recordOf(user);
      // Where a message came while the record was being read, that is what is newer.
      const isBehind = known !== undefined && known.version === held && record.version < known.version;
      if (!isBehind || changeBetween(settings.fields, known, record) === 0) {
        behindSinceMs.delete(user);
        return record;
      }
      const sinceMs = behindSinceMs.get(user);
      if (sinceMs === undefined) {
        behindSinceMs.set(user, clock.monotonicMs());
        return record;
      }
      if (clock.monotonicMs() - sinceMs < trustedAfterMs) return record;
      behindSinceMs.delete(user);
      return { ...record, version: known.version + 1 };
    },
    forgetUnwatched() {
      for (const user of behindSinceMs.keys()) if (!watchList.isWatched(user)) behindSinceMs.delete(user);
    },
  };
}
