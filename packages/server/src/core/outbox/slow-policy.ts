import type { ChannelFrame } from './frame.ts';
import { type HeldChannel, type HeldOrder, append, drop, remove } from './held-order.ts';

/** What holding one more frame of a channel led to. `resync` comes once, when the policy gives the channel up. */
export type Consequence = 'held' | 'overflow' | 'resync';

/** Holds a channel's frame behind what is held already, and lets the channel's policy act where that is too much. */
export function holdChannelFrame(order: HeldOrder, channel: HeldChannel, frame: ChannelFrame): Consequence {
  if (channel.resync) {
    channel.dropped++;
    return 'held';
  }
  // The numbers tell that something is missing before the new one; the place is not needed any more.
  if (channel.newest !== null && channel.newest.frame === null) remove(order, channel.newest);
  if (frame.offset > 0) channel.offset = frame.offset;
  const entry = append(order, frame, channel);
  const slots = frame.offset > 0 ? channel.publications : channel.others;
  if (slots !== null) {
    const folded = slots.get(frame.key);
    if (folded !== undefined) {
      drop(order, folded);
      channel.dropped++;
    }
    slots.set(frame.key, entry);
  }
  if (channel.units <= channel.ref.heldUnits) return 'held';
  switch (channel.ref.slow) {
    case 'close':
      return 'overflow';
    case 'drop-oldest':
      dropOldest(order, channel);
      return 'held';
    case 'conflate':
      // Of signals only the present counts. Of a map a key that is missing would be missing for good.
      if (channel.offset === null) {
        dropOldest(order, channel);
        return 'held';
      }
      giveUp(order, channel);
      return 'resync';
    case 'resync':
      giveUp(order, channel);
      return 'resync';
  }
}

function dropOldest(order: HeldOrder, channel: HeldChannel): void {
  channel.lossy = true;
  for (let entry = channel.oldest; entry !== null; entry = entry.younger) {
    if (channel.units <= channel.ref.heldUnits) return;
    if (entry.frame?.kind === 'channel') channel.others?.delete(entry.frame.key);
    drop(order, entry);
    channel.dropped++;
  }
}

function giveUp(order: HeldOrder, channel: HeldChannel): void {
  channel.resync = true;
  for (let entry = channel.oldest; entry !== null; entry = entry.younger) {
    drop(order, entry);
    channel.dropped++;
  }
}
