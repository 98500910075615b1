import type { Frame } from '../../ports/transport.ts';

/** What happened to a friend since the viewer was last told, as bits: bit 0 status, bit n+1 the n-th field. */
export type ChangeMask = number;

/** Set where the friend came online or went offline: the viewer is owed a whole `o` or `x`. */
export const TRANSITION: ChangeMask = 1 << 30;

/**
 * A frame on its way to connections. What may become of it when the connection is slow depends on its kind:
 * `control` frames are kept in order, `presence` frames are folded into one per friend, of `heartbeat`s one is kept. A
 * `sync` is made anew when it can go out: what it held may by then be hidden from the viewer.
 */
export type OutboundFrame = Frame &
  (
    | { readonly kind: 'control' }
    | { readonly kind: 'heartbeat' }
    | { readonly kind: 'sync' }
    | { readonly kind: 'presence'; readonly subject: string; readonly change: ChangeMask }
  );

export function controlFrame(text: string): OutboundFrame {
  return { kind: 'control', text, wire: undefined };
}

export function heartbeatFrame(text: string): OutboundFrame {
  return { kind: 'heartbeat', text, wire: undefined };
}

export function syncFrame(text: string): OutboundFrame {
  return { kind: 'sync', text, wire: undefined };
}

export function presenceFrame(subject: string, change: ChangeMask, text: string): OutboundFrame {
  return { kind: 'presence', subject, change, text, wire: undefined };
}
