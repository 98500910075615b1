import type { CarillonError } from '../carillon-error.ts';
import type { AskServer, PublishRequest } from '../channels/publish-request.ts';
import type { Published } from '../core/channels/channel-events.ts';
import type { ChannelSettings } from '../core/channels/machine.ts';
import type { DurableCall, OutboxState } from '../core/outbox/outbox-events.ts';
import type { LinkOptions } from '../options.ts';
import type { ShellParts } from '../shell.ts';
import type { Platform } from '../platform.ts';

/** One thing that the user did and the server has not confirmed. A new object for each change. */
export type OutboxEntry = {
  /** Rises with each entry; names it. */
  readonly number: number;
  /** Where it is published; null: it is a call. */
  readonly channel: string | null;
  /** The key that it sets or deletes; null: none. */
  readonly key: string | null;
  /** The function that it calls; null: it is a publication. */
  readonly call: string | null;
  /** The payload, or the input; undefined where it has none. */
  readonly data: unknown;
  /** When the app asked for it, ms since the epoch. */
  readonly createdAtMs: number;
  /** When it may have been sent for the first time, ms since the epoch; null: never. */
  readonly firstSentAtMs: number | null;
  readonly state: OutboxState;
  /** Why it was rejected, or is unknown; else null. */
  readonly error: CarillonError | null;
};

/** What waits for the server and outlives the page. */
export interface Outbox {
  /** Whether it outlives the page indeed: false where the browser refuses to store or does not come to it, and before the store was opened. */
  readonly durable: boolean;
  /** Resolves once the store was read, so that `entries` tells what earlier lives left; never rejects. */
  readonly ready: Promise<void>;
  /** How many entries the server has not answered for good: what a logout now would lose. */
  readonly waiting: number;
  /** In their order: what waits, and what was rejected or is unknown and was not dismissed. The same array until one changes. */
  entries(): readonly OutboxEntry[];
  /**
   * Takes an entry back that was never sent. Its own promise rejects with `cancelled`.
   *
   * @returns resolves with whether it was in time: true, and it will not be sent; false, and it was or will be
   */
  cancel(entry: Pick<OutboxEntry, 'number'>): Promise<boolean>;
  /** The user has seen what came of it: one that was rejected or is unknown is forgotten. Others stay. */
  dismiss(entry: Pick<OutboxEntry, 'number'>): void;
  /**
   * Calls the listener after entries changed, with those that did; `confirmed` and `cancelled` ones are not in `entries` any
   * more. Also, with none, when `durable` changed.
   *
   * @returns removes the listener again
   */
  onChange(listener: (changed: readonly OutboxEntry[]) => void): () => void;
  /**
   * Closes the store and gives up sending; what waits stays in it. Promises of this page stay open; what is asked for from now on
   * rejects with `cancelled`. Resolves once the store can be opened again.
   */
  close(): Promise<void>;
}

/** What a client gives its outbox. */
export type OutboxHost = {
  readonly platform: Platform;
  readonly options: Pick<LinkOptions, 'url' | 'username'>;
  readonly settings: Pick<ChannelSettings, 'messageBytes'>;
  /** Sends on the line that there is. */
  readonly ask: AskServer;
};

/** An outbox, as the client that it belongs to sees it. */
export type OutboxPart = {
  readonly outbox: Outbox;
  /** @returns null where the publication is not for the outbox. @param text JSON text; null where a key is deleted */
  publish(request: PublishRequest, text: string | null): Promise<Published> | null;
  call(call: DurableCall): Promise<unknown>;
  /** Resolves once what was to be written until now is, or after 5 s; never rejects. */
  written(): Promise<void>;
  /** The connection made a transition. */
  readonly follow: NonNullable<ShellParts['follow']>;
};

/** What `createOutbox` makes: each client that it is handed to has an outbox of its own. */
export type OutboxOption = (host: OutboxHost) => OutboxPart;
