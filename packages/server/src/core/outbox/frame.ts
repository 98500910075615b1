import type { GapReason } from '@carillon/protocol';
import type { Frame } from '../../ports/transport.ts';
import type { SlowPolicy } from '../channel/channel-spec.ts';

/** What happened to a friend since the viewer was last told, as bits: bit 0 status, bit n+1 the n-th field. */
export type ChangeMask = number;

/** Set where the friend came online or went offline: the viewer is owed a whole `o` or `x`. */
export const TRANSITION: ChangeMask = 1 << 30;

/** A channel as the outbox knows it. All frames of a channel share one: channels are told apart by identity. */
export type ChannelRef = {
  readonly name: string;
  readonly slow: SlowPolicy;
  /** UTF-16 units held of it for one connection, before `slow` acts. */
  readonly heldUnits: number;
};

/**
 * A frame on its way to connections. What may become of it when the connection is slow depends on its kind:
 * `control` frames are kept in order, `channel` frames are left to their channel's policy, `presence` frames are folded
 * into one per friend, of `heartbeat`s one is kept. A `sync` is made anew when it can go out: what it held may by then
 * be hidden from the viewer.
 */
export type OutboundFrame = Frame &
  (
    | { readonly kind: 'control' }
    | { readonly kind: 'heartbeat' }
    | { readonly kind: 'sync' }
    | { readonly kind: 'presence'; readonly subject: string; readonly change: ChangeMask }
    | ChannelPart
  );

type ChannelPart = {
  readonly kind: 'channel';
  readonly channel: ChannelRef;
  /** What of the channel it speaks of: a later frame about the same says all that this one says. Null: all of it. */
  readonly key: string | null;
  /** Of the publication, from 1; 0: it has none (a signal, a `join`), and its keys are apart from those that have. */
  readonly offset: number;
};

export type ChannelFrame = Frame & ChannelPart;

export function controlFrame(text: string): OutboundFrame {
  return { kind: 'control', text, wire: undefined, others: undefined };
}

export function heartbeatFrame(text: string): OutboundFrame {
  return { kind: 'heartbeat', text, wire: undefined, others: undefined };
}

export function syncFrame(text: string): OutboundFrame {
  return { kind: 'sync', text, wire: undefined, others: undefined };
}

export function presenceFrame(subject: string, change: ChangeMask, text: string): OutboundFrame {
  return { kind: 'presence', subject, change, text, wire: undefined, others: undefined };
}

/**
 * A live message of a channel. Frames of a channel MUST be sent in the order of their offsets. Answers, replays and what
 * ends a subscription are control frames.
 */
export function channelFrame(
  channel: ChannelRef,
  key: string | null,
  offset: number,
  text: string,
): ChannelFrame {
  return { kind: 'channel', channel, key, offset, text, wire: undefined, others: undefined };
}

/** @param offset behind which the channel goes on; null where none is known */
export function gapFrame(channel: ChannelRef, why: GapReason, offset: number | null): OutboundFrame {
  const behind = offset === null ? '' : `,"o":${offset}`;
  return controlFrame(`{"t":"gap","c":${JSON.stringify(channel.name)},"why":"${why}"${behind}}`);
}
