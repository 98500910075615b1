import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Secrets } from '../../ports/secrets.ts';

/** 192 bits: more than the 128 asked for, and a whole number of base64url characters (32). */
const TOKEN_BYTES = 24;

/** Randomness and SHA-256 of node:crypto. Tokens and hashes are base64url without padding (RFC 4648, section 5). */
export function createNodeSecrets(): Secrets {
  return {
    token: () => randomBytes(TOKEN_BYTES).toString('base64url'),
    id: () => randomUUID(),
    hash: (token) => createHash('sha256').update(token).digest('base64url'),
    fraction: () => Math.random(),
  } satisfies Secrets;
}
