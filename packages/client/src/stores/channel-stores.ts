import type { Channel, Lost } from '../channels/channel.ts';
import type { MapChannel, MapEntryOf } from '../channels/map-channel.ts';
import type { SignalChannel, SignalOf } from '../channels/signal-channel.ts';
import type { PublicationOf, StreamChannel } from '../channels/stream-channel.ts';
import type { ChannelState } from '../core/channels/channel-events.ts';
import { createHeldPublications } from './held-publications.ts';
import { type Store, createStore, createStoreCache } from './store.ts';

/** Publications of a stream that a store holds unless it is told otherwise; the oldest go. */
export const DEFAULT_KEEP = 500;

export type StreamStoreOptions = {
  /** Begin with the last so many. */
  readonly last?: number | undefined;
  /** Publications held at most, the newest; absent: 500. */
  readonly keep?: number | undefined;
  /** The signed right to subscribe, where the app has one. */
  readonly grant?: string | undefined;
};

export type ChannelStoreOptions = Pick<StreamStoreOptions, 'grant'>;

export type StreamView<Out> = {
  readonly state: ChannelState;
  /** Oldest first. */
  readonly publications: readonly PublicationOf<Out>[];
  /** The last time that publications were lost; null: none was. Where they count no more, `publications` began anew. */
  readonly lost: Lost | null;
};

export type MapView<Out> = {
  readonly state: ChannelState;
  readonly entries: readonly MapEntryOf<Out>[];
};

export type SignalView<Out> = {
  readonly state: ChannelState;
  /** The latest of each session and key. */
  readonly signals: readonly SignalOf<Out>[];
};

/** A store of a channel. */
export interface ChannelStore<View> extends Store<View> {
  /**
   * Names a grant that the app was handed later ([CHN7]): at once where the channel is in use, else when somebody looks. The one that
   * was named last, and undefined, change nothing.
   */
  renew(this: void, grant: string | undefined): void;
}

const IDLE: ChannelState = { status: 'idle', code: null, detail: '' };
const NO_STREAM: StreamView<never> = { state: IDLE, publications: [], lost: null };
const NO_MAP: MapView<never> = { state: IDLE, entries: [] };
const NO_SIGNALS: SignalView<never> = { state: IDLE, signals: [] };

const ofChannel = createStoreCache<Channel>();

/** A stream, subscribed while anybody looks. Each channel has one store: the options of the first call count, but for `renew`. */
export function streamStore<Out>(
  channel: StreamChannel<never, Out>,
  { last, keep = DEFAULT_KEEP, grant }: StreamStoreOptions = {},
): ChannelStore<StreamView<Out>> {
  return ofChannel(channel, 'view', () => {
    const held = createHeldPublications<Out>(keep);
    const right = rightTo(channel, grant);
    const store = createStore<StreamView<Out>>(NO_STREAM, {
      read: () => ({ state: channel.state, publications: held.all(), lost: held.lost }),
      start(changed) {
        let over = false;
        // Beginning anew would tell everybody else who listens to the channel once more what they have heard.
        const begun = channel.state.status !== 'idle';
        if (begun && last !== undefined && last > 0)
          channel.history({ limit: last }).then(
            ({ publications }) => {
              if (over) return;
              held.addEarlier([...publications].reverse());
              changed();
            },
            () => {
              // The app sees by the state that the channel has no connection; what comes is told all the same.
            },
          );
        const end = follow(channel, { last: begun ? undefined : last, grant: right.grant }, changed, [
          channel.onPublication((publication) => {
            held.add(publication);
            changed();
          }),
          channel.onLost((lost) => {
            held.lose(lost);
            changed();
          }),
        ]);
        return () => {
          over = true;
          end();
          held.clear();
        };
      },
    });
    return { ...store, renew: right.renew };
  });
}

/** A map, subscribed while anybody looks. */
export function mapStore<Out>(
  channel: MapChannel<never, Out>,
  { grant }: ChannelStoreOptions = {},
): ChannelStore<MapView<Out>> {
  return ofChannel(channel, 'view', () => {
    let view: MapView<Out> = NO_MAP;
    const right = rightTo(channel, grant);
    function read(): MapView<Out> {
      const { state } = channel;
      const entries = channel.getSnapshot();
      if (view.state !== state || view.entries !== entries) view = { state, entries };
      return view;
    }
    const store = createStore<MapView<Out>>(NO_MAP, {
      read,
      peek: read,
      start: (changed) => follow(channel, { grant: right.grant }, changed, [channel.onChange(changed)]),
    });
    return { ...store, renew: right.renew };
  });
}

/** A signal, subscribed while anybody looks. */
export function signalStore<Out>(
  channel: SignalChannel<never, Out>,
  { grant }: ChannelStoreOptions = {},
): ChannelStore<SignalView<Out>> {
  return ofChannel(channel, 'view', () => {
    const right = rightTo(channel, grant);
    const store = createStore<SignalView<Out>>(NO_SIGNALS, {
      read: () => ({ state: channel.state, signals: channel.latest }),
      start: (changed) =>
        follow(channel, { grant: right.grant }, changed, [
          channel.onSignal(changed),
          channel.onMember(changed),
        ]),
    });
    return { ...store, renew: right.renew };
  });
}

/** The newest grant of a channel. */
function rightTo(channel: Channel, first: string | undefined) {
  let newest = first;
  return {
    get grant() {
      return newest;
    },
    renew(this: void, grant: string | undefined): void {
      if (grant === undefined || grant === newest) return;
      newest = grant;
      if (channel.state.status === 'idle') return;
      // What the channel is in use for goes on: this adds nothing to it.
      void channel.subscribe({ grant });
      channel.unsubscribe();
    },
  };
}

/** Subscribes for a store; what the server says to that stands in the channel's state. */
function follow(
  channel: Channel,
  options: { readonly last?: number | undefined; readonly grant?: string | undefined },
  changed: () => void,
  listening: readonly (() => void)[],
): () => void {
  const offState = channel.onState(changed);
  void channel.subscribe(options);
  return () => {
    offState();
    for (const off of listening) off();
    channel.unsubscribe();
  };
}
