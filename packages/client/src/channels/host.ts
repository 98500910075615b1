import type { ClientState } from '../core/state.ts';
import type { ConnectionOptions } from '../options.ts';
import type { OutboxPart } from '../outbox/outbox-part.ts';
import type { Platform } from '../platform.ts';
import type { ChannelShell } from './channel-shell.ts';
import type { Records } from './records.ts';

/**
 * Under this a client, and a map channel of it, keeps what is behind it, for what is built on channels and comes as an entry of its own, perhaps with
 * another copy of this file.
 */
export const HOST: unique symbol = Symbol.for('carillon.host');

/** A client, as what is built on its channels sees it. */
export type Host = {
  readonly platform: Platform;
  /** What is told of each channel, word for word. */
  readonly records: Records;
  readonly shell: Pick<ChannelShell, 'inTurn'>;
  readonly options: Pick<ConnectionOptions, 'url' | 'username'>;
  state(): ClientState;
  /** Told of each transition of the connection, before the channels are and behind them; a logout waits for what they write. */
  readonly beside: Set<BesidePart>;
};

/** What is built on a client and follows its connection. */
export type BesidePart = Pick<OutboxPart, 'follow' | 'written'> & { readonly behind?: OutboxPart['follow'] };
