import { isRole, MAX_GRANT_LENGTH } from '@carillon/protocol';
import { errors, jwtVerify, SignJWT } from 'jose';
import type { Grants, GrantResult } from '../ports/grants.ts';
import { NOT_BEFORE_TOLERANCE_SECONDS } from './jwt.ts';
import { GRANT_AUDIENCE } from './grant-audience.ts';
import { importSecret } from './secret-authenticator.ts';

/**
 * Grants as JWTs (RFC 7519), so that any backend can make them: HS256, `aud` "carillon:grant", `sub` the user, `ch` the
 * channel, `exp`, and for a document `role`. The audience tells them from login tokens, which are refused where they name it.
 *
 * @param secret must have no `secretProblem`
 */
export function createGrants(secret: string): Grants {
  const key = importSecret(secret);
  return {
    async sign({ user, channel, expiresAtMs, role }) {
      return new SignJWT(role === null ? { ch: channel } : { ch: channel, role })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setAudience(GRANT_AUDIENCE)
        .setSubject(user)
        .setExpirationTime(expiresAtMs / 1000)
        .sign(await key);
    },
    async verify(text, user, channel, nowMs) {
      if (text.length > MAX_GRANT_LENGTH) return invalid(`longer than ${MAX_GRANT_LENGTH} characters`);
      try {
        const { payload } = await jwtVerify(text, await key, {
          algorithms: ['HS256'],
          audience: GRANT_AUDIENCE,
          requiredClaims: ['exp', 'sub', 'ch'],
          clockTolerance: NOT_BEFORE_TOLERANCE_SECONDS,
          currentDate: new Date(nowMs),
        });
        const { sub, exp } = payload;
        if (typeof exp !== 'number') return invalid('its `exp` is not a number');
        // Whole ms, as the wire carries them; `exp` counts seconds in floating point.
        const expiresAtMs = Math.min(Math.round(exp * 1000), Number.MAX_SAFE_INTEGER);
        if (expiresAtMs <= nowMs) return invalid('its `exp` has passed');
        if (sub !== user) return invalid('its `sub` is another user');
        if (payload['ch'] !== channel) return invalid('its `ch` is another channel');
        const { role = null } = payload;
        if (role !== null && !isRole(role)) return invalid('its `role` is none that there is');
        return { ok: true, grant: { user, channel, expiresAtMs, role } };
      } catch (error) {
        return invalid(problemOf(error));
      }
    },
  } satisfies Grants;
}

/** What is wrong with a grant, by what jose threw. Nothing but the grant can be at fault: the key is at hand. */
function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'its `exp` has passed';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its \`${error.claim}\` is missing or not accepted`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not verify';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not HS256';
  return 'it is not a signed JWT';
}

function invalid(detail: string): GrantResult {
  return { ok: false, detail };
}
