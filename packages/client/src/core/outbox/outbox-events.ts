import type { PublishCommand, Published, Refusal } from '../channels/channel-events.ts';

/** A publication that outlives the page. */
export type DurablePublication = Omit<PublishCommand, 'type' | 'ticket' | 'signal' | 'id' | 'lane'>;

/** A call that outlives the page. `input`: JSON text; null: none. `timeoutMs`: of each attempt. */
export type DurableCall = {
  readonly name: string;
  readonly input: string | null;
  readonly timeoutMs: number;
};

export type DurableRequest = DurablePublication | DurableCall;

/**
 * `queued`: it was never sent. `sent`: it may have reached the server, which has not answered for good. `confirmed`,
 * `rejected`: the server has. `unknown`: nobody can tell any more whether it was carried out. `cancelled`: it was taken back
 * before it was sent.
 */
export type OutboxState = 'queued' | 'sent' | 'confirmed' | 'rejected' | 'unknown' | 'cancelled';

/** One entry as it stands; a new object for each change. */
export type OutboxItem = {
  /** Rises with each entry of the queue. */
  readonly number: number;
  readonly request: DurableRequest;
  /** When the app asked for it, ms since the epoch. */
  readonly createdAtMs: number;
  /** When it may have been sent for the first time, ms since the epoch; null: never. */
  readonly firstSentAtMs: number | null;
  readonly state: OutboxState;
  /** Why it was rejected, or is unknown. */
  readonly refusal: Refusal | null;
};

/** What tabs that share a store tell each other. */
export type OutboxMessage =
  /** The store has changed; `opened`: or this tab is new, and may have read what another was about to take out. */
  | { readonly look: true; readonly opened?: true }
  /** It was emptied: the user has logged out, or was. */
  | { readonly erased: Refusal['code'] }
  /** What came of an entry. */
  | {
      readonly number: number;
      readonly state: OutboxState;
      readonly value?: unknown;
      readonly refusal?: Refusal | undefined;
    };

/** What happens to an outbox. Tickets rise from 1; each is settled once. */
export type OutboxEvent =
  /** The app looks at it for the first time. */
  | { readonly type: 'open' }
  | { readonly type: 'add'; readonly ticket: number; readonly request: DurableRequest }
  /** The entry of that ticket is in the store, under this number. */
  | { readonly type: 'inserted'; readonly ticket: number; readonly number: number }
  | { readonly type: 'insertFailed'; readonly ticket: number; readonly detail: string }
  /** Everything that is in the store, by number, and the id of the queue. */
  | { readonly type: 'loaded'; readonly queue: string; readonly records: ReadonlyMap<number, string> }
  /** There is a line, and this outbox may send on it. `alone`: no other does as long as that lasts. */
  | { readonly type: 'lead'; readonly alone: boolean }
  /** There is no line, or another outbox sends: what was handed over comes to nothing here. */
  | { readonly type: 'rest' }
  /** What the store holds behind a `mark`; null: the entry is gone. Undefined: the store failed. */
  | { readonly type: 'marked'; readonly number: number; readonly text: string | null | undefined }
  /** A `save` was made, or failed. */
  | { readonly type: 'saved'; readonly number: number }
  /** What was handed over was carried out: `Published`, or the output of a call. */
  | { readonly type: 'answered'; readonly hand: number; readonly value: unknown }
  | { readonly type: 'refused'; readonly hand: number; readonly refusal: Refusal }
  /** Resolves with whether it was taken back in time. */
  | { readonly type: 'cancel'; readonly ticket: number; readonly number: number }
  | { readonly type: 'dropped'; readonly ticket: number; readonly number: number; readonly gone: boolean }
  /** The app has seen what came of it. */
  | { readonly type: 'dismiss'; readonly number: number }
  | { readonly type: 'heard'; readonly message: OutboxMessage }
  /** The session was ended for good: nothing of the queue may stay. */
  | { readonly type: 'forget'; readonly code: Refusal['code'] }
  | { readonly type: 'alarm' };

/** One change of one record; `edited` says what it makes of it. */
export type StoreEdit =
  /** It is about to be sent for the first time; report `marked`. */
  | { readonly do: 'mark'; readonly number: number; readonly atMs: number; readonly queue: string }
  /** Report `saved`, also where it failed. */
  | { readonly do: 'save'; readonly number: number; readonly text: string }
  | { readonly do: 'remove'; readonly number: number }
  /** Only where it was never marked; report `dropped`. */
  | { readonly do: 'drop'; readonly number: number; readonly ticket: number };

/** What a driver must do. What concerns the store it does in this order, one behind the other. */
export type OutboxEffect =
  /** Report `inserted` once it is kept, or `insertFailed`. */
  | { readonly do: 'insert'; readonly ticket: number; readonly text: string }
  | StoreEdit
  /** Report `loaded`. */
  | { readonly do: 'look' }
  /** What is sent from now on is of this queue. */
  | { readonly do: 'setQueue'; readonly queue: string }
  | { readonly do: 'erase' }
  /** Send it on the line, then report `answered` or `refused` with the same `hand`. */
  | {
      readonly do: 'hand';
      readonly hand: number;
      readonly request: DurableRequest;
      readonly queue: string;
      readonly number: number;
    }
  /** To all others that share the store. */
  | { readonly do: 'tell'; readonly message: OutboxMessage }
  /** `value`: `Published`, the output of a call, or of a `cancel` whether it was in time. */
  | { readonly do: 'resolve'; readonly ticket: number; readonly value: unknown }
  | { readonly do: 'reject'; readonly ticket: number; readonly refusal: Refusal }
  | { readonly do: 'changed'; readonly items: readonly OutboxItem[] }
  /** Replaces the one that runs; on time, report `alarm`. */
  | { readonly do: 'setAlarm'; readonly delayMs: number }
  | { readonly do: 'clearAlarm' };

/** Whether it is a publication, and not a call. */
export function isPublication(request: DurableRequest): request is DurablePublication {
  return 'channel' in request;
}

/** Whether the server had the number already. */
export function isDuplicate(request: DurableRequest, value: unknown): boolean {
  // What a publication is answered with is a `Published`.
  return isPublication(request) && (value as Published).duplicate;
}
