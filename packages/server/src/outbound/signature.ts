import { createHmac } from 'node:crypto';

/** A shorter one could be guessed; RFC 2104, section 3, asks for the length of the hash, which is 32. */
export const MIN_SIGNING_SECRET_BYTES = 32;

/** How a secret is written where it holds bytes instead of text: in base64 behind this (Standard Webhooks). */
const BASE64_PREFIX = 'whsec_';

/** Why a secret must not sign, or undefined. Never repeats the secret. */
export function signingSecretProblem(secret: string): string | undefined {
  if (secret.startsWith(BASE64_PREFIX) && !/^[A-Za-z0-9+/]+={0,2}$/.test(secret.slice(BASE64_PREFIX.length)))
    return `has something that is not base64 behind ${BASE64_PREFIX}`;
  const { length } = keyBytes(secret);
  if (length < MIN_SIGNING_SECRET_BYTES)
    return `has ${length} bytes, and at least ${MIN_SIGNING_SECRET_BYTES} are needed`;
  return undefined;
}

/** The bytes of a secret: those it holds in base64, or its text in UTF-8. */
function keyBytes(secret: string): Buffer {
  return secret.startsWith(BASE64_PREFIX)
    ? Buffer.from(secret.slice(BASE64_PREFIX.length), 'base64')
    : Buffer.from(secret);
}

export type SignedHeaders = {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
};

/** Signs messages. `nowMs` is the time of this attempt, which keeps an old one from being sent again by others. */
export type Sign = (id: string, nowMs: number, body: string) => SignedHeaders;

/**
 * Signatures of the Standard Webhooks scheme, version 1.0: `v1,` and the HMAC-SHA256, in base64, of id, time in seconds and
 * body, with dots between them.
 *
 * @param secret must have no `signingSecretProblem`
 */
export function createSigner(secret: string): Sign {
  const key = keyBytes(secret);
  return (id, nowMs, body) => {
    const timestamp = String(Math.floor(nowMs / 1000));
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
  };
}
