/** What a client knows, as stores: for Svelte, Solid and Vue as they are, and under the hooks of `@carillon/client/react`. */
export { type CallStore, type CallView, type Caller, callStore } from './call-store.ts';
export {
  type ChannelStore,
  type ChannelStoreOptions,
  DEFAULT_KEEP,
  type MapView,
  type SignalView,
  type StreamStoreOptions,
  type StreamView,
  mapStore,
  signalStore,
  streamStore,
} from './channel-stores.ts';
export { connectionStore, friendStore, presenceStore } from './client-stores.ts';
export { LINGER_MS, type Store } from './store.ts';
