import { createHash, timingSafeEqual } from 'node:crypto';

/** The header in which a sidecar sends the app's token (Dapr, "App API token authentication"). */
export const TOKEN_HEADER = 'dapr-api-token';

/** Tells whether a request's header carries the token. */
export type TokenCheck = (presented: string | readonly string[] | undefined) => boolean;

/** @throws where the token is empty: everybody would have it */
export function createTokenCheck(token: string): TokenCheck {
  if (token === '') throw new Error('a Dapr source needs a token');
  const expected = digest(token);
  // Digests have one length, so that neither content nor length of the token shows in the time taken.
  return (presented) => typeof presented === 'string' && timingSafeEqual(digest(presented), expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
