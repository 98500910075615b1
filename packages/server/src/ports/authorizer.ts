/** What a session wants of a channel. Whoever may subscribe may also read its history and its entries. */
export type ChannelAction = 'subscribe' | 'publish';

export type AuthorizeRequest = {
  readonly user: string;
  readonly session: string;
  readonly action: ChannelAction;
  readonly channel: string;
  /** The pattern that the channel fits, as the contract declares it. */
  readonly pattern: string;
  /** Its parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
};

export type Decision =
  /** `untilMs`: when it must be asked again, ms since the epoch; null: as long as the subscription lasts. */
  | { readonly allow: true; readonly untilMs: number | null }
  /** `unavailable`: nobody could be asked; the client may try again. */
  | { readonly allow: false; readonly code: 'forbidden' | 'unavailable'; readonly detail: string };

/**
 * Says who may do what on a channel that is not its owner's by construction.
 *
 * - MUST deny where nothing says that it is allowed, and where it cannot find out (`unavailable`).
 * - MUST NOT throw or reject, and MUST answer within a bounded time.
 */
export interface Authorizer {
  decide(request: AuthorizeRequest): Decision | Promise<Decision>;
}
