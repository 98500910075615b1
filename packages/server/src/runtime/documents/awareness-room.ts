import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import {
  type AwarenessTable,
  MAX_AWARENESS_UNITS,
  newAwarenessTable,
} from '../../core/document/awareness.ts';
import type { ChannelRef, OutboundFrame } from '../../core/outbox/frame.ts';
import type { Timer } from '../../ports/clock.ts';

/** Where people are in a document that is open on this node. */
export type AwarenessRoom = {
  /**
   * As the outbox knows it: apart from the updates of the document. A connection that does not read is owed the latest of each, while of
   * updates none may be left out.
   */
  readonly ref: ChannelRef;
  readonly table: AwarenessTable;
  timer: Timer | null;
  flushedAtMs: number;
  /** For how long it is quiet behind that, ms. */
  quietMs: number;
  flushes: number;
  /** Other nodes are owed all that this one holds. */
  owesAll: boolean;
  /** Everybody in one frame, for those who join before the next change. */
  everybody: OutboundFrame | null;
};

export function newAwarenessRoom(name: string, { flushMs }: ChannelSpec): AwarenessRoom {
  return {
    // Twice what there can be: what is held is the latest of each, and none of that may be dropped.
    ref: { name, slow: 'conflate', heldUnits: 2 * MAX_AWARENESS_UNITS },
    table: newAwarenessTable(),
    timer: null,
    flushedAtMs: Number.NEGATIVE_INFINITY,
    quietMs: flushMs,
    flushes: 0,
    owesAll: false,
    everybody: null,
  };
}
