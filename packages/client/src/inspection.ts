import type { Machine } from './core/channels/machine.ts';
import type { ClientState } from './core/state.ts';
import type { Signal } from './core/channels/channel-events.ts';

export type WireDirection = 'up' | 'down';

/** Sees every message as it goes over the wire, login and resume tokens included. */
export type WireListener = (direction: WireDirection, text: string) => void;

/**
 * Under this a client keeps what its devtools look at. Registered for the whole page: the panel is loaded on demand, and
 * may come with another copy of this file.
 */
export const INSPECT: unique symbol = Symbol.for('carillon.inspect');

/** A client from within, to be looked at and not to be changed. For the devtools alone: it may be another one tomorrow. */
export type Inspection = {
  /** Who is shown the wire; whoever adds a listener removes it again. */
  readonly wire: Set<WireListener>;
  /** It holds the login token and the resume token. */
  state(): ClientState;
  /** When `connection` became what it is, by `nowMs`. */
  changedAtMs(): number;
  nowMs(): number;
  /** Asks the line for a sign of life ([HB4]), where there is one. */
  probe(): void;
  /** Absent from a client without channels. */
  machine?(): Machine;
  /** How much the app uses a channel; undefined where it does not. */
  usage?(channel: string): ChannelUsage | undefined;
};

export type ChannelUsage = {
  /** `subscribe` calls that no `unsubscribe` has answered. */
  readonly wanted: number;
  /** Listeners by what they are told. */
  readonly listeners: ReadonlyMap<string, { readonly size: number }>;
  readonly latest: ReadonlyMap<string, Signal>;
};
