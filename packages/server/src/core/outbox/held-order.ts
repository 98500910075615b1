import type { ChannelRef, OutboundFrame } from './frame.ts';

// Control and channel frames behind an unfinished write: one list in the order in which they were sent, from which the
// policies of channels take frames out. Linked by hand, for a policy removes from the middle at every frame that comes.

export type HeldEntry = {
  /** Null: it was dropped, and nothing of its channel has come behind it. The place is kept for the `gap`. */
  frame: OutboundFrame | null;
  /** Null for control frames. */
  readonly channel: HeldChannel | null;
  /** Which of the channel's frames it is, from 0: where one is missing, a `gap` stands in its place. */
  readonly number: number;
  /** The channel's offset behind this frame; null: no publication came yet. */
  readonly offset: number | null;
  previous: HeldEntry | null;
  next: HeldEntry | null;
  /** The neighbours of the same channel. */
  older: HeldEntry | null;
  younger: HeldEntry | null;
};

/** What is held of one channel. */
export type HeldChannel = {
  readonly ref: ChannelRef;
  units: number;
  /** Frames that came, still held or not. */
  came: number;
  /** Of those, how many were dropped, or folded into a later one. */
  dropped: number;
  /** Of the newest publication that came; null: none did. */
  offset: number | null;
  /** Something was dropped that nothing behind it makes good. */
  lossy: boolean;
  /** Everything was dropped, and the client is to subscribe again. */
  resync: boolean;
  oldest: HeldEntry | null;
  newest: HeldEntry | null;
  /** Where the policy is `conflate`: the latest of each key, those with an offset apart from those without. */
  readonly publications: Map<string | null, HeldEntry> | null;
  readonly others: Map<string | null, HeldEntry> | null;
};

export type HeldOrder = {
  /** UTF-16 units of all that is held. */
  units: number;
  oldest: HeldEntry | null;
  newest: HeldEntry | null;
};

export function emptyOrder(): HeldOrder {
  return { units: 0, oldest: null, newest: null };
}

export function newHeldChannel(ref: ChannelRef): HeldChannel {
  const conflates = ref.slow === 'conflate';
  return {
    ref,
    units: 0,
    came: 0,
    dropped: 0,
    offset: null,
    lossy: false,
    resync: false,
    oldest: null,
    newest: null,
    publications: conflates ? new Map() : null,
    others: conflates ? new Map() : null,
  };
}

export function append(order: HeldOrder, frame: OutboundFrame, channel: HeldChannel | null): HeldEntry {
  const entry: HeldEntry = {
    frame,
    channel,
    number: channel === null ? 0 : channel.came,
    offset: channel === null ? null : channel.offset,
    previous: order.newest,
    next: null,
    older: null,
    younger: null,
  };
  if (order.newest === null) order.oldest = entry;
  else order.newest.next = entry;
  order.newest = entry;
  order.units += frame.text.length;
  if (channel === null) return entry;
  channel.came++;
  channel.units += frame.text.length;
  entry.older = channel.newest;
  if (channel.newest === null) channel.oldest = entry;
  else channel.newest.younger = entry;
  channel.newest = entry;
  return entry;
}

/** Drops the frame of an entry. The entry goes too, unless it is the newest of its channel: then it keeps the place. */
export function drop(order: HeldOrder, entry: HeldEntry): void {
  const { channel, frame } = entry;
  const units = frame === null ? 0 : frame.text.length;
  order.units -= units;
  entry.frame = null;
  if (channel !== null) channel.units -= units;
  if (channel === null || channel.newest !== entry) remove(order, entry);
}

/** Takes an entry out whose frame has been dropped. */
export function remove(order: HeldOrder, entry: HeldEntry): void {
  const { previous, next, older, younger, channel } = entry;
  if (previous === null) order.oldest = next;
  else previous.next = next;
  if (next === null) order.newest = previous;
  else next.previous = previous;
  if (channel === null) return;
  if (older === null) channel.oldest = younger;
  else older.younger = younger;
  if (younger === null) channel.newest = older;
  else younger.older = older;
}
