import type { Frame } from '../../ports/transport.ts';
import type { ChangeMask, OutboundFrame } from './frame.ts';
import { RunNode } from './run-trie.ts';

/** What a connection may hold back before it is resynced (presence) or closed (everything else). */
export type OutboxLimits = {
  /** Control frames held, in UTF-16 units of their text. */
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

/** Presence is held as "what changed", not as frames: what the client then gets is the latest state, once. */
export type Held = {
  readonly control: Frame[];
  controlUnits: number;
  readonly friends: Map<string, ChangeMask>;
  heartbeat: boolean;
  /** Too much changed to tell one by one: the client gets a full sync. */
  resync: boolean;
};

export type HoldOutcome = {
  readonly overflow: boolean;
  readonly conflated: number;
  readonly resynced: boolean;
};

export function emptyOutbox(): Outbox {
  return { current: null, held: null };
}

/** UTF-16 units of the frames held, presence apart. */
export function heldUnits({ held }: Outbox): number {
  return held === null ? 0 : held.controlUnits;
}

function nothingHeld(): Held {
  return { control: [], controlUnits: 0, friends: new Map(), heartbeat: false, resync: false };
}

/**
 * Moves this turn's frames behind an unfinished write.
 *
 * @returns `overflow` when the control frames held exceed their bound: the connection must be closed as slow
 */
export function hold(outbox: Outbox, limits: OutboxLimits): HoldOutcome {
  const held = (outbox.held ??= nothingHeld());
  const run = outbox.current;
  outbox.current = null;
  if (run === null) return { overflow: false, conflated: 0, resynced: false };
  const wasResync = held.resync;
  let conflated = 0;
  for (const frame of run.frames()) conflated += holdFrame(held, frame);
  if (held.friends.size > limits.heldFriends) {
    held.friends.clear();
    held.resync = true;
  }
  return {
    overflow: held.controlUnits > limits.heldControlUnits,
    conflated,
    resynced: held.resync && !wasResync,
  };
}

/** @returns 1 when the frame was folded into one already held */
function holdFrame(held: Held, frame: OutboundFrame): 0 | 1 {
  switch (frame.kind) {
    case 'control':
      held.control.push(frame);
      held.controlUnits += frame.text.length;
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

/** Makes the connection owe a full sync in place of everything held about friends. */
export function holdResync(outbox: Outbox): void {
  const held = (outbox.held ??= nothingHeld());
  held.friends.clear();
  held.resync = true;
}

/** How the frames that were held are made anew from the present state. */
export type Renderer = {
  /** The frame that brings the viewer up to date about a friend; null where they may see nothing of it. */
  friend(subject: string, change: ChangeMask): Frame | null;
  fullSync(): Frame;
  heartbeat(): Frame;
};

/**
 * What to write once the socket is free again: control frames in their order, then the friends as they are now, then
 * the heartbeat, whose stamp may claim that everything before it was told.
 */
export function release(outbox: Outbox, render: Renderer): readonly Frame[] {
  const held = outbox.held;
  outbox.held = null;
  if (held === null) return [];
  const frames: Frame[] = held.control;
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
