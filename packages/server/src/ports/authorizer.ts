import type { Role } from '@carillon/protocol';

/** What a session wants of a channel. Whoever may subscribe may also read its history and its entries. */
export type ChannelAction = 'subscribe' | 'publish';

export type AuthorizeRequest = {
  readonly user: string;
  readonly session: string;
  /** Of a document always `subscribe`: its role says the rest. */
  readonly action: ChannelAction;
  readonly channel: string;
  /** The pattern that the channel fits, as the contract declares it. */
  readonly pattern: string;
  readonly kind: 'stream' | 'map' | 'signal' | 'document';
  /** Its parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
};

export type Decision =
  /** `untilMs`: when it must be asked again, ms since the epoch; null: as long as the subscription lasts. */
  | {
      readonly allow: true;
      readonly untilMs: number | null;
      /** Of a document: what they may do, at least `read`. Where a document's decision has none, nothing is allowed. */
      readonly role?: Role;
    }
  /** `unavailable`: nobody could be asked; the client may try again. */
  | { readonly allow: false; readonly code: 'forbidden' | 'unavailable'; readonly detail: string };

/**
 * Says who may do what on a channel that is not its owner's by construction.
 *
 * - MUST deny where nothing says that it is allowed, and where it cannot find out (`unavailable`).
 * - Of a document (`kind`) MUST allow with a role, and MUST deny what is no role.
 * - MUST NOT throw or reject, and MUST answer within a bounded time.
 */
export interface Authorizer {
  decide(request: AuthorizeRequest): Decision | Promise<Decision>;
}

/**
 * An authorizer that keeps answers.
 *
 * - What is asked behind `forget` MUST be asked anew of whoever decides: neither what was kept nor an answer to an older question
 *   that is under way counts for it.
 */
export interface KeepingAuthorizer extends Authorizer {
  /** @param user null: everybody's answers about the channel */
  forget(channel: string, user: string | null): void;
}

export function keepsAnswers(authorizer: Authorizer): authorizer is KeepingAuthorizer {
  return 'forget' in authorizer;
}
