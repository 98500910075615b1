import type { Published } from '../core/channels/channel-events.ts';
import type { MapChange } from '../core/channels/map-view.ts';
import { extend } from '../extend.ts';
import { type ChannelParts, type KeptChannel, keptChannelOf, publish } from './channel.ts';
import { HOST } from './host.ts';
import type { PublishOptions } from './stream-channel.ts';

/** One key of a map. A new object for each change, so that identity tells whether one changed. */
export type MapEntryOf<Value> = {
  readonly key: string;
  readonly value: Value;
  /** Of the publication that set it. */
  readonly offset: number;
  /** When it was set, ms since the epoch; null for one's own that the channel does not echo. */
  readonly atMs: number | null;
  /** Who set it; null: the server. */
  readonly by: string | null;
  /** The publisher's version; null where none was given. */
  readonly version: number | null;
  /** What the publication that set it answers, as the app's backend named it; undefined: nothing. */
  readonly ref?: string | undefined;
};

/** One key before and after; undefined where it was or is not set. */
export type MapChangeOf<Value> = {
  readonly key: string;
  readonly before: MapEntryOf<Value> | undefined;
  readonly after: MapEntryOf<Value> | undefined;
  /**
   * What the publication that changed it answers, also of a deletion; undefined: nothing. One that has a `ref` is told also
   * where it changes nothing, for a newer one is known already: `before` and `after` are the same then.
   */
  readonly ref?: string | undefined;
};

export type DeleteOptions = PublishOptions & {
  /** Dropped where the key has this version or a higher one ([MAP3]). */
  readonly version?: number | undefined;
};

export type SetOptions = DeleteOptions & {
  /** The key is deleted after so many ms; absent: as the contract says. */
  readonly ttlMs?: number | undefined;
};

/** The latest value of each key: a snapshot, then its changes. Iterating gives each entry once. */
export interface MapChannel<In, Out> extends KeptChannel<Out>, Iterable<MapEntryOf<Out>> {
  readonly kind: 'map';
  readonly size: number;
  get(key: string): Out | undefined;
  entry(key: string): MapEntryOf<Out> | undefined;
  /** All entries; the same array until one changes. With `onChange` it fits React's `useSyncExternalStore`. */
  getSnapshot(): readonly MapEntryOf<Out>[];
  /** Sets a key, as `publish` of a stream publishes. `outdated`: it has this version or a newer one, and stays as it is. */
  set(key: string, value: In, options?: SetOptions): Promise<Published>;
  delete(key: string, options?: DeleteOptions): Promise<Published>;
  /** Calls the listener after entries changed, with those that did. */
  onChange(listener: (changes: readonly MapChangeOf<Out>[]) => void): () => void;
}

export function createMapChannel<In, Out>(parts: ChannelParts, channel: string): MapChannel<In, Out> {
  const { shell, records } = parts;
  // The contract's word for what the server checked.
  const entries = (): ReadonlyMap<string, MapEntryOf<Out>> =>
    shell.channels.entries(channel) as ReadonlyMap<string, MapEntryOf<Out>>;
  // Deletions of what is not known here are for whoever knows it from elsewhere.
  const told = (changes: readonly MapChange[]): readonly MapChangeOf<Out>[] =>
    changes.filter(({ before, after, ref }) => before !== after || ref !== undefined) as MapChangeOf<Out>[];

  return extend(keptChannelOf<Out>(parts, channel, 'map'), {
    kind: 'map' as const,
    [HOST]: parts.host,
    get size() {
      return entries().size;
    },
    get: (key: string) => entries().get(key)?.value,
    entry: (key: string) => entries().get(key),
    [Symbol.iterator]: () => entries().values(),
    getSnapshot: () => records.snapshot(channel) as readonly MapEntryOf<Out>[],
    set: (key: string, value: In, options: SetOptions = {}) =>
      publish(parts, { ...options, channel, signal: false, key }, value),
    delete: (key: string, options: DeleteOptions = {}) =>
      publish(parts, { ...options, channel, signal: false, key, del: true }, undefined),
    onChange: (listener: (changes: readonly MapChangeOf<Out>[]) => void) =>
      records.listen(channel, 'changes', ({ changes }) => {
        const those = told(changes);
        if (those.length > 0) listener(those);
      }),
  });
}
