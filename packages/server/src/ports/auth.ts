/** Who a login token speaks for. */
export type Principal = {
  readonly user: string;
  /** What the user is called (`name`, OpenID Connect Core, section 5.1), where the token says it. Gateways show it to others. */
  readonly name?: string | null;
  /** When the token runs out, ms since the epoch; null where it never does (hooks only). */
  readonly expiresAtMs: number | null;
  /** The token's id (`jti`, RFC 7519, section 4.1.7) and when it was issued, ms since the epoch; null where it does not say. */
  readonly tokenId?: string | null;
  readonly issuedAtMs?: number | null;
};

export type AuthResult =
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      readonly code: 'token_invalid' | 'token_expired' | 'username_mismatch' | 'unavailable';
      readonly detail: string;
    };

/**
 * Checks login tokens.
 *
 * - MUST resolve `username_mismatch` where the token is good but speaks for someone else than `username`.
 * - MUST resolve `unavailable` where it could not find out (keys unreachable): never "yes", never "forged".
 * - MUST NOT reject, and MUST NOT put the token into `detail`.
 */
export interface Authenticator {
  verify(token: string, username: string): Promise<AuthResult>;
}
