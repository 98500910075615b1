/** Which logins count no more: all of a user's that were issued up to a moment, or the one token with an id. */
export type Revocation =
  | { readonly kind: 'user'; readonly user: string; readonly issuedUpToMs: number }
  | { readonly kind: 'token'; readonly tokenId: string };

/**
 * Remembers what was revoked.
 *
 * - `revoke` MUST be durable when it resolves, and kept until `forgetAtMs`: by then every token it concerns has run out.
 * - `isRevoked` MUST see every revocation whose `revoke` resolved before; it MAY be in memory, for each login asks.
 * - A revoked login MUST NOT work again because the process was started anew.
 */
export interface Revocations {
  revoke(revocation: Revocation, forgetAtMs: number): Promise<void>;
  /** @param issuedAtMs null where the token does not say: then any revocation of the user concerns it */
  isRevoked(user: string, tokenId: string | null, issuedAtMs: number | null): boolean;
}

/** Revocations of several nodes: what one revokes counts on all of them within a second of its `revoke`. */
export interface SharedRevocations extends Revocations {
  /**
   * Sets who is told that other nodes revoked something. Logins that were let in meanwhile are to be ended then: the order
   * to end them, which the other node sent, may have come before them, or not at all.
   */
  onLearned(listener: () => void): void;
}

export function areShared(revocations: Revocations): revocations is SharedRevocations {
  return 'onLearned' in revocations;
}
