/**
 * React hooks. They look at what a client knows and subscribe to its channels while they are mounted; none of them connects: that is
 * `client.connect()`, in an effect or beside the client. Rendered on a server they show what nothing is known of.
 */
import type { CallInput, CallOutput, CallsOf, Contract } from '@carillon/contract';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { CallOptions } from '../channels/calls.ts';
import type { MapChannel } from '../channels/map-channel.ts';
import type { SignalChannel } from '../channels/signal-channel.ts';
import type { StreamChannel } from '../channels/stream-channel.ts';
import type { CallNames } from '../contract-types.ts';
import type { ConnectionChange, Friend } from '../index.ts';
import type { PresenceClient } from '../presence-client.ts';
import {
  type CallView,
  type Caller,
  type ChannelStore,
  type ChannelStoreOptions,
  type MapView,
  type SignalView,
  type Store,
  type StreamStoreOptions,
  type StreamView,
  callStore,
  connectionStore,
  friendStore,
  mapStore,
  presenceStore,
  signalStore,
  streamStore,
} from '../stores/stores.ts';

/** The present value of a store; renders again when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, () => store.initial);
}

/** Where the connection stands. */
export function useConnection(client: Pick<PresenceClient, 'connection' | 'onConnection'>): ConnectionChange {
  return useStore(connectionStore(client));
}

/** All friends; with an id that one, or undefined. */
export function usePresence<Field extends string>(
  client: Pick<PresenceClient<Field>, 'presence'>,
): readonly Friend<Field>[];
export function usePresence<Field extends string>(
  client: Pick<PresenceClient<Field>, 'presence'>,
  id: string,
): Friend<Field> | undefined;
export function usePresence<Field extends string>(
  client: Pick<PresenceClient<Field>, 'presence'>,
  id?: string,
): readonly Friend<Field>[] | Friend<Field> | undefined {
  const store = useMemo<Store<readonly Friend<Field>[] | Friend<Field> | undefined>>(
    () => (id === undefined ? presenceStore(client) : friendStore(client, id)),
    [client, id],
  );
  return useStore(store);
}

function useChannel<View>(store: ChannelStore<View>, grant: string | undefined): View {
  // Before the store is looked at: what is mounted again begins with the newest.
  useEffect(() => store.renew(grant), [store, grant]);
  return useStore(store);
}

/** A stream: `useStream(client.stream('chat:{room}', { room }), { last: 50 })`. Subscribed while any component shows it. */
export function useStream<Out>(
  channel: StreamChannel<never, Out>,
  options?: StreamStoreOptions,
): StreamView<Out> {
  return useChannel(streamStore(channel, options), options?.grant);
}

/** A map; subscribed while any component shows it. */
export function useMap<Out>(channel: MapChannel<never, Out>, options?: ChannelStoreOptions): MapView<Out> {
  return useChannel(mapStore(channel, options), options?.grant);
}

/** A signal; subscribed while any component shows it. */
export function useSignal<Out>(
  channel: SignalChannel<never, Out>,
  options?: ChannelStoreOptions,
): SignalView<Out> {
  return useChannel(signalStore(channel, options), options?.grant);
}

/** A function of the server: what calls it, and what became of the latest call that this component made. */
export function useCall<C extends Contract, N extends CallNames<C>>(
  client: Caller<C>,
  name: N,
): readonly [
  run: (input: CallInput<CallsOf<C>[N]>, options?: CallOptions) => Promise<CallOutput<CallsOf<C>[N]>>,
  view: CallView<CallOutput<CallsOf<C>[N]>>,
] {
  const store = useMemo(() => callStore(client, name), [client, name]);
  return [store.run, useStore(store)];
}
