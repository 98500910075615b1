import { SignJWT } from 'jose';
import { importSecret } from './secret-authenticator.ts';

export type TokenRequest = {
  readonly secret: string;
  readonly user: string;
  readonly ttlMs: number;
  readonly issuer: string | null;
  readonly audience: readonly string[] | null;
  readonly nowMs: number;
};

/** A login token for tests, demos and bots, such as an app's own backend would sign. */
export async function signToken({
  secret,
  user,
  ttlMs,
  issuer,
  audience,
  nowMs,
}: TokenRequest): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000);
  const jwt = new SignJWT()
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + Math.ceil(ttlMs / 1000));
  if (issuer !== null) jwt.setIssuer(issuer);
  if (audience !== null) jwt.setAudience([...audience]);
  return jwt.sign(await importSecret(secret));
}
