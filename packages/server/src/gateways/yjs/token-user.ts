import { isUserId, MAX_LOGIN_TOKEN_LENGTH } from '@carillon/protocol';

/** A login as a client brought it: nothing of it is proved. */
export type Login = { readonly user: string; readonly token: string };

/**
 * Whom a token claims to be of. It is not verified here: the login does that, and compares the two.
 *
 * @param named the user that the client names beside it, for tokens that only the app can read
 * @returns null where nobody is named
 */
export function loginOf(token: string, named: string | null): Login | null {
  if (token === '' || token.length > MAX_LOGIN_TOKEN_LENGTH) return null;
  const user = named ?? subjectOf(token);
  return user !== null && isUserId(user) ? { user, token } : null;
}

/** The `sub` of a JWT (RFC 7519, section 4.1.2). */
function subjectOf(token: string): string | null {
  const [, payload = ''] = token.split('.');
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const subject = typeof claims === 'object' && claims !== null && 'sub' in claims ? claims.sub : null;
    return typeof subject === 'string' ? subject : null;
  } catch {
    // No JWT.
    return null;
  }
}
