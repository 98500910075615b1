import { createHash, timingSafeEqual } from 'node:crypto';

/** Tells whether an Authorization header carries the API key. Without a key nobody's does. */
export type ApiKeyCheck = (authorization: string | undefined) => boolean;

/** @param apiKey null where none is configured */
export function createApiKeyCheck(apiKey: string | null): ApiKeyCheck {
  if (apiKey === null) return () => false;
  const expected = digest(apiKey);
  return (authorization) => {
    const presented = bearerOf(authorization);
    // Digests have one length, so that neither content nor length of the key shows in the time taken.
    return presented !== null && timingSafeEqual(digest(presented), expected);
  };
}

/** The credentials of `Authorization: Bearer …` (RFC 6750, section 2.1), or null. */
export function bearerOf(authorization: string | undefined): string | null {
  const match = authorization === undefined ? null : /^bearer +([^\s]+) *$/i.exec(authorization);
  return match?.[1] ?? null;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
