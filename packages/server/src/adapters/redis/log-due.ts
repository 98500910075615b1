import { type Due, createDueHeap } from '../../core/channel/due-heap.ts';

type DueChannel = Due & { readonly channel: string };

/** When this node has to look at which channel. What other nodes noted is not in it. */
export type DueChannels = {
  /** Ms since the epoch; undefined: there is none. */
  first(): number | undefined;
  /** Looks at a channel at a time, at the latest. */
  atLatest(channel: string, dueMs: number): void;
  /** Drops what was due. */
  drop(nowMs: number): void;
  remove(channel: string): void;
};

export function createDueChannels(): DueChannels {
  const heap = createDueHeap<DueChannel>();
  const channels = new Map<string, DueChannel>();

  function remove(due: DueChannel): void {
    heap.remove(due);
    channels.delete(due.channel);
  }

  return {
    first: () => heap.peek()?.dueMs,
    atLatest(channel, dueMs) {
      let due = channels.get(channel);
      if (due === undefined) channels.set(channel, (due = { channel, dueMs, heapIndex: -1 }));
      heap.put(due, Math.min(due.dueMs, dueMs));
    },
    drop(nowMs) {
      for (let due = heap.peek(); due !== undefined && due.dueMs <= nowMs; due = heap.peek()) remove(due);
    },
    remove(channel) {
      const due = channels.get(channel);
      if (due !== undefined) remove(due);
    },
  };
}
