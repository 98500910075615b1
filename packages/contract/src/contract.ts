import type { CallDefinition } from './calls.ts';
import type { ChannelDefinition } from './channels.ts';
import type { StandardSchema } from './standard-schema.ts';

export type Channels = Readonly<Record<string, ChannelDefinition>>;
export type Calls = Readonly<Record<string, CallDefinition>>;
export type Broadcasts = Readonly<Record<string, StandardSchema>>;
/** Presence fields, each with the most characters that it may have. */
export type PresenceFields = Readonly<Record<string, number>>;

/** What `defineContract` makes: everything is there, what was left out as an empty object. */
export interface Contract<
  Ch extends Channels = Channels,
  Ca extends Calls = Calls,
  Cc extends Calls = Calls,
  Br extends Broadcasts = Broadcasts,
  Pr extends PresenceFields = PresenceFields,
> {
  readonly presence: Pr;
  readonly channels: Ch;
  readonly calls: Ca;
  readonly clientCalls: Cc;
  readonly broadcasts: Br;
}

/** Nothing was declared. */
export type None = Readonly<Record<never, never>>;

/** The presence fields of an app that names none: activity, project and language. */
export const DEFAULT_PRESENCE = { a: 128, p: 128, l: 128 } as const;

/** The contract of an app that declares nothing: presence alone. */
export type EmptyContract = Contract<None, None, None, None, typeof DEFAULT_PRESENCE>;
