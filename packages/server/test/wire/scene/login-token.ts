import { SignJWT, type JWTPayload } from 'jose';

/** What the tests' servers check login tokens with. */
export const LOGIN_SECRET = 'wire-tests-sign-with-this-secret-and-nothing-else';

const key = (secret: string): Uint8Array => new TextEncoder().encode(secret);

/** A login token as an app's backend would sign it. */
export function loginToken(user: string, ttlSeconds = 3_600): Promise<string> {
  return signed({ sub: user, exp: Math.floor(Date.now() / 1000) + ttlSeconds }, LOGIN_SECRET);
}

/** A token with any claims, signed with any secret. */
export function signed(claims: JWTPayload, secret: string, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, typ: 'JWT' }).sign(key(secret));
}
