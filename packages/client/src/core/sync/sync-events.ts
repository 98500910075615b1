import type { MapChange } from '../channels/map-view.ts';
import type { RefusalCode } from '../events.ts';
import type { Change, MutationItem, MutationState, Rejection, SendResult, SyncToken } from './mutation.ts';

/** An entry of the app's own snapshot. */
export type SnapshotEntry<Value = unknown> = {
  readonly key: string;
  readonly value: Value;
  readonly version?: number | undefined;
};

/** What tabs that share a store tell each other. */
export type SyncMessage =
  /** The store has changed. */
  | { readonly look: true }
  /** It was emptied: the user has logged out, or was. */
  | { readonly erased: RefusalCode }
  /** What came of a mutation. */
  | {
      readonly id: string;
      readonly state: MutationState;
      readonly token: SyncToken | null;
      readonly rejection: Rejection | null;
    };

export type SyncEvent =
  /** The store is to be read for the first time. */
  | { readonly type: 'open' }
  /** `args`: what JSON makes of them. */
  | { readonly type: 'mutate'; readonly change: Change }
  /** The mutation is in the store, under this number. */
  | { readonly type: 'inserted'; readonly id: string; readonly number: number }
  | { readonly type: 'insertFailed'; readonly id: string; readonly detail: string }
  /** Everything that is in the store, by number. */
  | { readonly type: 'loaded'; readonly records: ReadonlyMap<number, string> }
  /** Entries of the channel changed. All of one message at once. */
  | { readonly type: 'changes'; readonly changes: readonly MapChange[] }
  /** Whether the channel is live: complete, and heard of at once. */
  | { readonly type: 'live'; readonly live: boolean }
  /** What the channel held counts no more; where the app has a snapshot, it is asked for again. */
  | { readonly type: 'lost' }
  /** The app's own snapshot is being read: deletions from here on are younger than it. */
  | { readonly type: 'reading' }
  | { readonly type: 'snapshot'; readonly entries: readonly SnapshotEntry[] }
  /** Whether the app wants a connection: without, nothing is sent. */
  | { readonly type: 'running'; readonly running: boolean }
  /** There is a line again: what waits for a better time is tried at once. */
  | { readonly type: 'online' }
  /** This one may send. */
  | { readonly type: 'led' }
  | { readonly type: 'answered'; readonly attempt: number; readonly answer: SendResult }
  | { readonly type: 'heard'; readonly message: SyncMessage }
  /** The session was ended for good: nothing of the queue may stay. */
  | { readonly type: 'forget'; readonly code: RefusalCode }
  | { readonly type: 'alarm' };

/** What a driver must do. What concerns the store it does in this order, one behind the other. */
export type SyncEffect =
  /** Report `inserted` once it is kept, or `insertFailed`. */
  | { readonly do: 'insert'; readonly id: string; readonly text: string }
  /** Only where the record is still there. */
  | { readonly do: 'save'; readonly number: number; readonly text: string }
  | { readonly do: 'remove'; readonly number: number }
  /** Report `loaded`. */
  | { readonly do: 'look' }
  | { readonly do: 'erase' }
  /** To all others that share the store. */
  | { readonly do: 'tell'; readonly message: SyncMessage }
  /** Ask to be the one that sends: report `led`. */
  | { readonly do: 'lead' }
  /** Give it up, behind what is to be written; what is under way is called off. */
  | { readonly do: 'rest' }
  /** Send it, then report `answered` with the same `attempt`, in a bounded time. */
  | { readonly do: 'send'; readonly attempt: number; readonly change: Change }
  /** A mutation has changed its state. */
  | { readonly do: 'told'; readonly item: MutationItem }
  /** What is to be seen has changed. */
  | { readonly do: 'changed' }
  /** Replaces the one that runs; on time, report `alarm`. */
  | { readonly do: 'setAlarm'; readonly delayMs: number }
  | { readonly do: 'clearAlarm' };
