import type { Position, Published } from '../core/channels/channel-events.ts';
import { extend } from '../extend.ts';
import { type ChannelParts, type KeptChannel, keptChannelOf, publish } from './channel.ts';

/** One publication. */
export type PublicationOf<Data> = {
  readonly position: Position;
  /** When the server took it, ms since the epoch; null for one's own that the channel does not echo. */
  readonly atMs: number | null;
  /** Who published it; null: the server. */
  readonly by: string | null;
  readonly data: Data;
  /** What it answers, as the app's backend named it; undefined: nothing. */
  readonly ref?: string | undefined;
};

export type PublishOptions = {
  /** Idempotency id, at most 64 characters; absent: the SDK makes one. The same id publishes once. */
  readonly id?: string | undefined;
  /** Only where this is the channel's top; otherwise `conflict`, with the present one. */
  readonly expect?: Position | undefined;
  /** Whether the server sends the payload back; absent: as the contract says. The publication is told all the same. */
  readonly echo?: boolean | undefined;
  /**
   * Whether it is put into the client's outbox, and so outlives the page; `id` does not go with it. Absent: as `createOutbox` was
   * told, and without an outbox false.
   */
  readonly durable?: boolean | undefined;
};

/** An ordered history: what was missed is told, in order and once, or told as lost. */
export interface StreamChannel<In, Out> extends KeptChannel<Out> {
  readonly kind: 'stream';
  /**
   * Publishes, in the order of the calls, and again where the answer is lost. Waits while there is no connection; being
   * subscribed is not needed.
   *
   * @returns resolves with the position; rejects with a CarillonError: `conflict` (with `position`), `payload_invalid`
   * (with `path`), `forbidden`, `queue_full` and others. Where `unknown` is true it may have been published all the same.
   * Need not be waited for
   */
  publish(data: In, options?: PublishOptions): Promise<Published>;
  /** Calls the listener for each publication, in order. */
  onPublication(listener: (publication: PublicationOf<Out>) => void): () => void;
}

export function createStreamChannel<In, Out>(parts: ChannelParts, channel: string): StreamChannel<In, Out> {
  return extend(keptChannelOf<Out>(parts, channel, 'stream'), {
    kind: 'stream' as const,
    publish: (data: In, options: PublishOptions = {}) =>
      publish(parts, { ...options, channel, signal: false }, data),
    onPublication: (listener: (publication: PublicationOf<Out>) => void) =>
      // The contract's word for what the server checked.
      parts.records.listenToEach(
        channel,
        'publications',
        ({ publications }) => publications as readonly PublicationOf<Out>[],
        listener,
      ),
  });
}
