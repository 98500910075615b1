/** One's own data, changed at once and by the app's backend: a map channel with mutations on top. */
export { createSync } from './create-sync.ts';
export { type HttpOptions, type HttpRequest, sendOverHttp } from './send-over-http.ts';
export { sendOverCall } from './send-over-call.ts';
export type {
  ArgsOf,
  Mutation,
  Mutator,
  Mutators,
  PendingMutation,
  Send,
  SentMutation,
  Sync,
  SyncOptions,
  SyncStatus,
} from './sync-types.ts';
export type { MutationState, SendResult, SyncToken } from '../core/sync/mutation.ts';
export type { SyncEntry } from '../core/sync/state.ts';
export type { SnapshotEntry } from '../core/sync/sync-events.ts';
