import { extend } from '../extend.ts';
import { quiet } from '../quiet.ts';
import { type Channel, type ChannelParts, channelOf, publish } from './channel.ts';

/** What somebody signalled. */
export type SignalOf<Data> = {
  /** The sender's session; empty: the server. */
  readonly session: string;
  /** The sender; null: the server. */
  readonly by: string | null;
  readonly key: string | null;
  readonly data: Data;
  /** Whether this very client sent it. */
  readonly own: boolean;
};

/** What counts at the moment only: cursors, typing. Nothing is kept; the latest of each sender, or of each key, counts. */
export interface SignalChannel<In, Out> extends Channel {
  readonly kind: 'signal';
  /**
   * The latest signal of each session and key since the line is there; empty without one. Of at most 1,000; whoever leaves
   * the channel is taken out, where the contract declares members.
   */
  readonly latest: readonly SignalOf<Out>[];
  /**
   * Signals. Of several that wait the latest goes out; those whose place it took resolve with it.
   *
   * @param key what is merged with what, beside the session; absent: all of it
   * @returns rejects with `line_lost` where there is no connection, and with the server's code; need not be waited for
   */
  send(data: In, key?: string): Promise<void>;
  /** Calls the listener with what was signalled, one's own included. */
  onSignal(listener: (signal: SignalOf<Out>) => void): () => void;
}

export function createSignalChannel<In, Out>(parts: ChannelParts, channel: string): SignalChannel<In, Out> {
  const { records } = parts;
  return extend(channelOf(parts, channel, 'signal'), {
    kind: 'signal' as const,
    get latest() {
      // The contract's word for what the server checked.
      return [...records.latest(channel).values()] as readonly SignalOf<Out>[];
    },
    send: (data: In, key?: string) =>
      quiet(publish(parts, { channel, signal: true, key }, data).then(() => undefined)),
    onSignal: (listener: (signal: SignalOf<Out>) => void) =>
      records.listenToEach(
        channel,
        'signals',
        ({ signals }) => signals as readonly SignalOf<Out>[],
        listener,
      ),
  });
}
