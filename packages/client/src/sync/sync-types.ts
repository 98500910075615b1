import type { CarillonError } from '../carillon-error.ts';
import type { ChannelState } from '../core/channels/channel-events.ts';
import type { Change, MutationState, SendResult, SyncToken } from '../core/sync/mutation.ts';
import type { SyncEntry } from '../core/sync/state.ts';
import type { SyncState } from '../core/sync/sync.ts';
import type { SnapshotEntry } from '../core/sync/sync-events.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { Store } from '../stores/store.ts';

/**
 * What a mutation makes of the value of its key; undefined: it is not set, or shall not be. It is called again whenever what lies beneath
 * changes, so it must be pure, must not change what it is given, and throws where it does not apply.
 */
export type Mutator<Value, Args> = (value: Value | undefined, args: Args) => Value | undefined;

/** Mutators by name. Names outlive a release: what was queued by the one before is applied by this one. */
export type Mutators<Value> = Readonly<Record<string, Mutator<Value, never>>>;

/** What a mutation takes beside its name and key. */
export type ArgsOf<M> = M extends () => unknown
  ? []
  : M extends (value: never) => unknown
    ? []
    : M extends (value: never, args: infer Args) => unknown
      ? undefined extends Args
        ? [args?: Args]
        : [args: Args]
      : never;

/** A mutation as it is sent. `args` are what JSON makes of them. */
export type SentMutation = Change & {
  /** Whose it is: the backend must refuse it where it takes the sender for somebody else. */
  readonly user: string;
};

/**
 * Carries a mutation to the app's backend. It is called again with the same `id` until it gives an answer, also by a later life of the page and
 * another tab: the backend must carry an id out once. What it throws counts as `retry`.
 *
 * @param options `signal`: aborted when nobody waits for the answer any more
 */
export type Send = (
  mutation: SentMutation,
  options: { readonly signal: AbortSignal },
) => SendResult | Promise<SendResult>;

export type SyncOptions<Value, M extends Mutators<Value>> = {
  readonly mutators: M;
  /** `sendOverHttp({ url })`, `sendOverCall(client, name)` or the app's own. */
  readonly send: Send;
  /** Where mutations are kept: `indexedDbStore()` in browsers, `fileStore(…)` of `@carillon/client/node`. Absent: in memory, as long as the page lives. */
  readonly store?: OutboxStore | undefined;
  /** `all`: one mutation is under way at a time; `key`: one of each key, and keys have no order among each other. Absent: `all`. */
  readonly order?: 'all' | 'key' | undefined;
  /**
   * Reads what the backend holds, where the channel does not hold all of it: called when the channel is complete and was not recovered by
   * replay. Of a key in both the higher version counts, else the channel's. What it throws is reported, and it is called again after a pause.
   */
  readonly snapshot?:
    | ((options: { readonly signal: AbortSignal }) => Promise<Iterable<SnapshotEntry<Value>>>)
    | undefined;
  /** Mutations that are not confirmed, at most; one more is rejected with `queue_full`. Absent: 1,000. */
  readonly count?: number | undefined;
  /** The bytes that they take in the store, at most. Absent: 4 MiB. */
  readonly bytes?: number | undefined;
  /** How long an attempt may take, ms. Absent: 15 s. */
  readonly timeoutMs?: number | undefined;
  /** How long an accepted mutation waits for its publication while the channel is live, ms. Absent: 30 s. */
  readonly settleMs?: number | undefined;
  /** How often a backend may say that it failed (500) before a mutation is given up. Absent: 20. */
  readonly failures?: number | undefined;
};

/** A mutation that is part of what is seen, as it stands; a new object for each change. */
export type PendingMutation = Change & {
  readonly state: MutationState;
  /** Why it was rejected or cancelled; else null. `rejected`: by the backend, whose code is `error.error`. */
  readonly error: CarillonError | null;
};

/** What a mutation comes to. Promises need not be waited for. */
export interface Mutation {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly state: MutationState;
  readonly error: CarillonError | null;
  /**
   * Resolves once the backend has taken it, with what to wait for elsewhere: its answer's token, or the mutation's id, which is the `ref` of its
   * publication. Rejects with a CarillonError: `rejected` (`error` and `data` are the backend's), `conflict`, `queue_full`, `storage_failed`,
   * `outcome_unknown`, or why the session ended.
   */
  readonly accepted: Promise<SyncToken>;
  /** Resolves once what the channel shows includes it (`confirmed`), or nothing was seen of it for too long (`settled`). Rejects as `accepted`. */
  readonly done: Promise<'confirmed' | 'settled'>;
}

export type SyncStatus = SyncState & {
  /** Whether mutations outlive the page indeed. */
  readonly durable: boolean;
  readonly channel: ChannelState;
};

/**
 * A map channel with the changes of its user on top. As a store its value is all entries, by key: the same array until one changes; `get()` has
 * every change at once, subscribers are told at the end of the turn.
 */
export interface Sync<Value, M extends Mutators<Value>> extends Store<readonly SyncEntry<Value>[]> {
  /** One entry; undefined where the key is not set. */
  entry(key: string): SyncEntry<Value> | undefined;
  /** One entry as a store. */
  key(key: string): Store<SyncEntry<Value> | undefined>;
  /** Where it stands, as a store. */
  readonly status: Store<SyncStatus>;
  /** Resolves once the store was read, so that what earlier lives left is applied; never rejects. */
  readonly ready: Promise<void>;
  /**
   * Changes a key: at once in what is seen, then at the backend.
   *
   * @throws CarillonError `options_invalid` where there is no such mutator, `payload_invalid` where `args` are no JSON
   */
  mutate<N extends keyof M & string>(name: N, key: string, ...args: ArgsOf<M[N]>): Mutation;
  /** What is not confirmed, in the order in which it is applied. The same array until one changes. */
  mutations(): readonly PendingMutation[];
  /** Whether a change of the key is not confirmed, a deletion too. */
  isPending(key: string): boolean;
  /** Calls the listener when a mutation changes its state, also one of another tab or an earlier life. @returns removes it again */
  onMutation(listener: (mutation: PendingMutation) => void): () => void;
  /** Calls the listener when a mutation was rolled back, with the reason. @returns removes it again */
  onRejected(listener: (mutation: PendingMutation) => void): () => void;
  /**
   * Resolves once what is seen includes what the token stands for: a publication by its `ref`, a version of a key, or a mutation.
   *
   * @returns rejects with a CarillonError: `deadline_exceeded` after `timeoutMs` (absent: 10 s), `cancelled` where it is aborted or the sync
   * closed, why the mutation was rejected, or why the session ended
   */
  until(
    token: SyncToken | Mutation,
    options?: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** Gives up the channel and the store; what waits stays in it. Resolves once the store can be opened again. */
  close(): Promise<void>;
}
