/** Longer ones are refused where they are checked. */
const MAX_READ_LENGTH = 16 * 1024;

/**
 * Whom a JWT (RFC 7519) says it speaks for, unchecked: for clients of protocols that send a token and no user. The login that is made
 * of it is checked as any other, and fails where the token does not prove it.
 *
 * @returns null where it is no JWT, or names nobody
 */
export function subjectOf(token: string): string | null {
  const payload = token.length > MAX_READ_LENGTH ? undefined : token.split('.', 3)[1];
  if (payload === undefined) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('sub' in claims)) return null;
    return typeof claims.sub === 'string' ? claims.sub : null;
  } catch {
    // Whoever sends something else is told that the login failed.
    return null;
  }
}
