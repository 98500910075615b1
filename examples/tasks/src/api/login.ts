import { createSecretKey } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { Refusal } from '../tasks/answer.ts';

/** RFC 7518, section 3.2: a key at least as long as the hash output. */
export const MIN_SECRET_BYTES = 32;

/** As Carillon has it: whoever issues tokens has a clock of its own. */
const TOLERANCE_SECONDS = 30;

/** The longest user id that Carillon takes. */
const MOST_USER_CHARACTERS = 255;

export type LoginResult =
  | { readonly ok: true; readonly user: string }
  | { readonly ok: false; readonly refusal: Refusal };

export type LoginRules = {
  /** What Carillon's login tokens are signed with. */
  readonly secret: string;
  /** As Carillon is configured; null: it does not look at them. */
  readonly issuer: string | null;
  readonly audience: string | null;
};

/** Says who sends a request: the login tokens of Carillon count here too, and nothing else does. */
export function createLogin({ secret, issuer, audience }: LoginRules) {
  const key = createSecretKey(secret, 'utf8');
  return async function login(authorization: string | undefined): Promise<LoginResult> {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return refuse('token_missing', 'no login token in Authorization: Bearer');
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['HS256'],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: TOLERANCE_SECONDS,
        ...(issuer === null ? {} : { issuer }),
        ...(audience === null ? {} : { audience }),
      });
      const { sub = '', aud, exp = 0 } = payload;
      // Not before it is due, with a tolerance; but not a moment longer than it is good.
      if (exp * 1000 <= Date.now()) return refuse('token_expired', 'its `exp` has passed');
      // Whom it is for is said, and it is not us: a grant for one channel, or the token of another service with this secret.
      if (audience === null && aud !== undefined)
        return refuse('token_invalid', 'it is for another audience');
      if (typeof sub !== 'string' || sub === '' || sub.length > MOST_USER_CHARACTERS)
        return refuse('token_invalid', 'its `sub` is no user id');
      return { ok: true, user: sub };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return refuse('token_expired', 'its `exp` has passed');
      // Whatever jose has against it, it proves nobody's identity.
      return refuse('token_invalid', 'it is not a login token of this app');
    }
  };
}

function refuse(code: string, detail: string): LoginResult {
  return { ok: false, refusal: { status: 401, code, detail } };
}
