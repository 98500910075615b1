import type { Role } from '@carillon/protocol';

/** The right of a user to subscribe to a channel, as a signed text that ends by itself. */
export type Grant = {
  readonly user: string;
  readonly channel: string;
  /** ms since the epoch. */
  readonly expiresAtMs: number;
  /** Of a document: what they may do with it. Null: the grant names none, which is `read` for a document. */
  readonly role: Role | null;
};

export type GrantResult =
  | { readonly ok: true; readonly grant: Grant }
  | { readonly ok: false; readonly detail: string };

/**
 * Signs and checks grants.
 *
 * - `verify` MUST refuse a grant that is forged, of another user or channel, over, or that names a role that there is not; it MUST
 *   NOT reject.
 * - What was signed before a restart SHOULD be good after it.
 */
export interface Grants {
  sign(grant: Grant): string | Promise<string>;
  verify(text: string, user: string, channel: string, nowMs: number): GrantResult | Promise<GrantResult>;
}
