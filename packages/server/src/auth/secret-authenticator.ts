import type { CryptoKey } from 'jose';
import type { Authenticator } from '../ports/auth.ts';
import type { Clock } from '../ports/clock.ts';
import { checkJwt, type JwtRules } from './jwt.ts';

/** RFC 7518, section 3.2: a key at least as long as the hash output. */
export const MIN_SECRET_BYTES = 32;

const ALGORITHMS = ['HS256'] as const;

/** Why a secret must not be used, or undefined. Never repeats the secret. */
export function secretProblem(secret: string): string | undefined {
  const bytes = Buffer.byteLength(secret);
  if (bytes < MIN_SECRET_BYTES) return `has ${bytes} bytes, and HS256 needs at least ${MIN_SECRET_BYTES}`;
  // A public key is known to everyone: as a shared secret it would let everyone sign.
  if (secret.trimStart().startsWith('-----BEGIN')) return 'is a PEM key, not a shared secret';
  return undefined;
}

/** The key that signs and checks HS256 tokens. */
export function importSecret(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  );
}

export type SecretAuthenticatorOptions = {
  /** Must have no `secretProblem`. */
  readonly secret: string;
  readonly rules: JwtRules;
  readonly clock: Pick<Clock, 'nowMs'>;
};

/** Tokens signed with a secret that the app and this server share. */
export async function createSecretAuthenticator({
  secret,
  rules,
  clock,
}: SecretAuthenticatorOptions): Promise<Authenticator> {
  const key = await importSecret(secret);
  return {
    verify: (token, username) =>
      checkJwt(token, username, { key, algorithms: ALGORITHMS, rules, nowMs: clock.nowMs() }),
  };
}
