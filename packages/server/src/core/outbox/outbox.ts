import type { GapReason } from '@carillon/protocol';
import type { Frame } from '../../ports/transport.ts';
import type { ChangeMask, ChannelFrame, ChannelRef, OutboundFrame } from './frame.ts';
import {
  type HeldChannel,
  type HeldEntry,
  type HeldOrder,
  append,
  emptyOrder,
  newHeldChannel,
  drop,
  remove,
} from './held-order.ts';
import type { RunNode } from './run-trie.ts';
import { holdChannelFrame } from './slow-policy.ts';

/** What a connection may hold back before it is resynced (presence) or closed (everything else). */
export type OutboxLimits = {
  /** Control and channel frames held, all together, in UTF-16 units of their text. */
  readonly heldControlUnits: number;
  /** Friends whose changes are held one by one; beyond that one full sync is cheaper and bounded. */
  readonly heldFriends: number;
};

/**
 * What a connection is owed. `current` is this turn's run, shared with others; `held` exists only while the socket is
 * still busy with an earlier write, when nothing more may be handed to it.
 */
export type Outbox = {
  current: RunNode | null;
  held: Held | null;
};

/**
 * What is held. Control and channel frames keep the order in which they were sent: an answer stays ahead of the
 * publications that it announced, and what ends a subscription behind those that came before it. Presence is held as
 * "what changed", not as frames: what the client then gets is the latest state, once.
 */
export type Held = {
  readonly order: HeldOrder;
  channels: Map<ChannelRef, HeldChannel> | null;
  readonly friends: Map<string, ChangeMask>;
  heartbeat: boolean;
  /** Too much changed to tell one by one: the client gets a full sync. */
  resync: boolean;
};

/** Channel frames that were dropped, or folded into a later one, by the policy of their channel. */
export type DroppedFrames = Record<'drop-oldest' | 'conflate' | 'resync', number>;

export type HoldOutcome = {
  /** More is held than may be: the connection must be closed as slow. */
  readonly overflow: boolean;
  /** Presence frames that were folded into what is held of their friend. */
  readonly conflated: number;
  /** From now on a full sync of presence is owed. */
  readonly resynced: boolean;
  /** Null: none. */
  readonly dropped: DroppedFrames | null;
  /** Channels of which nothing more may be sent until the client has subscribed again; null: none. */
  readonly resyncs: readonly ChannelRef[] | null;
};

export function emptyOutbox(): Outbox {
  return { current: null, held: null };
}

/** UTF-16 units of the frames held, presence apart. */
export function heldUnits({ held }: Outbox): number {
  return held === null ? 0 : held.order.units;
}

function nothingHeld(): Held {
  return { order: emptyOrder(), channels: null, friends: new Map(), heartbeat: false, resync: false };
}

/** Moves this turn's frames behind an unfinished write. */
export function hold(outbox: Outbox, limits: OutboxLimits): HoldOutcome {
  const held = (outbox.held ??= nothingHeld());
  const run = outbox.current;
  outbox.current = null;
  const wasResync = held.resync;
  let overflow = false;
  let conflated = 0;
  let dropped: DroppedFrames | null = null;
  let resyncs: ChannelRef[] | null = null;
  for (const frame of run === null ? [] : run.frames()) {
    if (frame.kind !== 'channel') {
      conflated += holdFrame(held, frame);
      continue;
    }
    const channel = channelOf(held, frame);
    const before = channel.dropped;
    const consequence = holdChannelFrame(held.order, channel, frame);
    const { slow } = channel.ref;
    if (channel.dropped > before && slow !== 'close') {
      dropped ??= { 'drop-oldest': 0, conflate: 0, resync: 0 };
      dropped[slow] += channel.dropped - before;
    }
    switch (consequence) {
      case 'held':
        break;
      case 'overflow':
        overflow = true;
        break;
      case 'resync':
        (resyncs ??= []).push(frame.channel);
    }
  }
  // Whatever comes of them from here on belongs to a subscription that was begun anew.
  for (const channel of resyncs ?? []) held.channels?.delete(channel);
  if (held.friends.size > limits.heldFriends) {
    held.friends.clear();
    held.resync = true;
  }
  return {
    overflow: overflow || held.order.units > limits.heldControlUnits,
    conflated,
    resynced: held.resync && !wasResync,
    dropped,
    resyncs,
  };
}

function channelOf(held: Held, { channel: ref }: ChannelFrame): HeldChannel {
  const channels = (held.channels ??= new Map<ChannelRef, HeldChannel>());
  let channel = channels.get(ref);
  if (channel === undefined) {
    channel = newHeldChannel(ref);
    channels.set(ref, channel);
  }
  return channel;
}

/** @returns 1 when the frame was folded into one already held */
function holdFrame(held: Held, frame: Exclude<OutboundFrame, ChannelFrame>): 0 | 1 {
  switch (frame.kind) {
    case 'control':
      append(held.order, frame, null);
      return 0;
    case 'heartbeat':
      if (held.heartbeat) return 1;
      held.heartbeat = true;
      return 0;
    case 'sync': {
      const before = held.resync;
      held.friends.clear();
      held.resync = true;
      return before ? 1 : 0;
    }
    case 'presence': {
      // A full sync is owed anyway, and will be made from the state at that time.
      if (held.resync) return 1;
      const before = held.friends.get(frame.subject);
      held.friends.set(frame.subject, (before ?? 0) | frame.change);
      return before === undefined ? 0 : 1;
    }
  }
}

/**
 * Drops all that is still owed of a channel, this turn's frames too, and what was to be said of it. MUST be called before a
 * subscription begins anew or is ended: nothing of the one before follows.
 */
export function dropHeld(outbox: Outbox, ref: ChannelRef): void {
  const { current, held } = outbox;
  if (current !== null) outbox.current = current.without(ref);
  if (held === null) return;
  held.channels?.delete(ref);
  for (let entry = held.order.oldest; entry !== null; entry = entry.next) {
    if (entry.channel?.ref !== ref) continue;
    drop(held.order, entry);
    // The newest had kept its place.
    if (entry.channel.newest === entry) remove(held.order, entry);
  }
}

/** Makes the connection owe a full sync in place of everything held about friends. */
export function holdResync(outbox: Outbox): void {
  const held = (outbox.held ??= nothingHeld());
  held.friends.clear();
  held.resync = true;
}

/** How what is not kept as a frame is made anew from the present state. */
export type Renderer = {
  /** The frame that brings the viewer up to date about a friend; null where they may see nothing of it. */
  friend(subject: string, change: ChangeMask): Frame | null;
  fullSync(): Frame;
  heartbeat(): Frame;
  /** @param offset behind which the channel goes on; null: none is known, or the client's own counts */
  gap(channel: ChannelRef, why: GapReason, offset: number | null): Frame;
};

/**
 * What to write once the socket is free again: control and channel frames in their order, a `gap` wherever some of a
 * channel are missing, then the friends as they are now, then the heartbeat, whose stamp may claim that everything
 * before it was told.
 */
export function release(outbox: Outbox, render: Renderer): readonly Frame[] {
  const held = outbox.held;
  outbox.held = null;
  if (held === null) return [];
  const frames = orderedFrames(held.order, render);
  if (held.resync) frames.push(render.fullSync());
  else {
    for (const [subject, change] of held.friends) {
      const frame = render.friend(subject, change);
      if (frame !== null) frames.push(frame);
    }
  }
  if (held.heartbeat) frames.push(render.heartbeat());
  return frames;
}

function orderedFrames(order: HeldOrder, render: Renderer): Frame[] {
  const frames: Frame[] = [];
  for (let entry = order.oldest; entry !== null; entry = entry.next) {
    const { channel, frame } = entry;
    if (channel !== null && isGapBefore(entry))
      frames.push(render.gap(channel.ref, gapReason(channel), gapOffset(entry, channel)));
    if (frame !== null) frames.push(frame);
  }
  return frames;
}

/** Whether the frame is missing itself, or others between it and the one of its channel that is told before it. */
function isGapBefore({ frame, number, older }: HeldEntry): boolean {
  return frame === null || number !== (older === null ? 0 : older.number + 1);
}

function gapReason({ ref, resync, lossy }: HeldChannel): GapReason {
  if (resync) return 'resync';
  return ref.slow === 'conflate' && !lossy ? 'conflated' : 'dropped';
}

function gapOffset({ frame, offset }: HeldEntry, { resync }: HeldChannel): number | null {
  // The client names the position of what it applied last.
  if (resync) return null;
  return frame?.kind === 'channel' && frame.offset > 0 ? frame.offset - 1 : offset;
}
