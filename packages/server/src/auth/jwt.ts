import { MAX_LOGIN_TOKEN_LENGTH } from '@carillon/protocol';
import { type CryptoKey, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { AuthResult } from '../ports/auth.ts';
import { GRANT_AUDIENCE } from './grant-audience.ts';

/** What a token must claim beside its signature. */
export type JwtRules = {
  /** The `iss` that is accepted; null accepts any. */
  readonly issuer: string | null;
  /** The token's `aud` must name one of these; null accepts any. */
  readonly audience: readonly string[] | null;
};

/**
 * How far a token's `nbf` may lie ahead: whoever issues tokens has a clock of its own. `exp` gets no tolerance, for a
 * session is ended at that very instant.
 */
export const NOT_BEFORE_TOLERANCE_SECONDS = 30;

/** The longest `jti`: what is named to revoke the token, and kept with each of its sessions. */
export const MAX_TOKEN_ID_LENGTH = 255;

/** What is kept of a user's name: it is shown, and sent to everybody in a document. */
export const MAX_USER_NAME_LENGTH = 128;

/** The keys that would decide could not be had. Never an answer about the token. */
export class KeysUnavailable extends Error {}

export type JwtCheck = {
  readonly key: CryptoKey | JWTVerifyGetKey;
  /** The only algorithms accepted. One family of keys a check: that is what rules algorithm confusion out. */
  readonly algorithms: readonly string[];
  readonly rules: JwtRules;
  readonly nowMs: number;
};

/** Checks one token (RFC 7519, section 7.2; RFC 8725, section 3). Never rejects. */
export async function checkJwt(token: string, username: string, check: JwtCheck): Promise<AuthResult> {
  if (token.length > MAX_LOGIN_TOKEN_LENGTH)
    return invalid(`longer than ${MAX_LOGIN_TOKEN_LENGTH} characters`);
  const { issuer, audience } = check.rules;
  const options = {
    algorithms: [...check.algorithms],
    requiredClaims: ['exp', 'sub'],
    clockTolerance: NOT_BEFORE_TOLERANCE_SECONDS,
    currentDate: new Date(check.nowMs),
    ...(issuer === null ? {} : { issuer }),
    ...(audience === null ? {} : { audience: [...audience] }),
  };
  try {
    const { payload } =
      typeof check.key === 'function'
        ? await jwtVerify(token, check.key, options)
        : await jwtVerify(token, check.key, options);
    const { sub, exp, aud, jti, name } = payload;
    // Where both are signed with one secret, a grant for one channel must not open everything.
    if (aud === GRANT_AUDIENCE || (Array.isArray(aud) && aud.includes(GRANT_AUDIENCE)))
      return invalid('it is a grant, not a login token');
    if (jti !== undefined && (typeof jti !== 'string' || jti.length > MAX_TOKEN_ID_LENGTH))
      return invalid(`its \`jti\` is not a text of at most ${MAX_TOKEN_ID_LENGTH} characters`);
    if (typeof sub !== 'string') return invalid('its `sub` is not a string');
    if (typeof exp !== 'number') return invalid('its `exp` is not a number');
    // Some issuers write "never" as a number that no date holds; the wire carries whole milliseconds.
    const expiresAtMs = Math.min(Math.floor(exp * 1000), Number.MAX_SAFE_INTEGER);
    if (expiresAtMs <= check.nowMs)
      return { ok: false, code: 'token_expired', detail: 'its `exp` has passed' };
    if (sub !== username)
      return { ok: false, code: 'username_mismatch', detail: 'its `sub` is another user' };
    return {
      ok: true,
      principal: {
        user: sub,
        ...(typeof name === 'string' ? { name: name.slice(0, MAX_USER_NAME_LENGTH) } : {}),
        expiresAtMs,
        tokenId: jti ?? null,
        issuedAtMs: issuedAt(payload.iat, check.nowMs),
      },
    };
  } catch (error) {
    return refusal(error);
  }
}

/**
 * When a token says it was issued, ms; null where it does not say, or names a time to come: it would outlive every
 * revocation of its user.
 */
function issuedAt(iat: number | undefined, nowMs: number): number | null {
  if (iat === undefined || iat * 1000 > nowMs + NOT_BEFORE_TOLERANCE_SECONDS * 1000) return null;
  return Math.floor(iat * 1000);
}

/** The answer for what jose threw. What it threw about the token is the token's fault, anything else is not. */
function refusal(error: unknown): AuthResult {
  if (error instanceof errors.JWTExpired)
    return { ok: false, code: 'token_expired', detail: 'its `exp` has passed' };
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalid(`its \`${error.claim}\` is missing or not accepted`);
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('its signature does not verify');
  if (error instanceof errors.JOSEAlgNotAllowed) return invalid('its algorithm is not accepted');
  if (error instanceof errors.JWKSNoMatchingKey) return invalid('no key of the key set fits it');
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return invalid('several keys fit it: it must name its key by `kid`');
  if (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported
  ) {
    return invalid('it is not a signed JWT that this server understands');
  }
  return {
    ok: false,
    code: 'unavailable',
    detail: 'the keys that would verify it cannot be used at the moment',
  };
}

function invalid(detail: string): AuthResult {
  return { ok: false, code: 'token_invalid', detail };
}
