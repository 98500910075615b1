import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from 'jose';

/** How long the key server may take: well below the time in which a login must come (10 s). */
export const KEY_FETCH_TIME_LIMIT_MS = 5_000;

/** A key set beyond this is a mistake or an attack: a hundred RSA keys with certificates fit. */
export const MAX_KEY_SET_BYTES = 256 * 1024;

export type FetchedKeys =
  | { readonly ok: true; readonly keys: LocalJWKSet }
  | { readonly ok: false; readonly problem: string };

/** Fetches a JSON Web Key Set (RFC 7517). Follows no redirects: they would move the trust elsewhere. Never rejects. */
export async function fetchKeys(url: URL, timeLimitMs: number): Promise<FetchedKeys> {
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json, application/jwk-set+json' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeLimitMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { ok: false, problem: `the key server answered ${response.status}` };
    }
    const text = await readBounded(response);
    if (text === null) return { ok: false, problem: `the key set is larger than ${MAX_KEY_SET_BYTES} bytes` };
    return { ok: true, keys: createLocalJWKSet(JSON.parse(text) as JSONWebKeySet) };
  } catch (error) {
    return { ok: false, problem: problemOf(error, timeLimitMs) };
  }
}

async function readBounded(response: Response): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = response.body ?? [];
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > MAX_KEY_SET_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function problemOf(error: unknown, timeLimitMs: number): string {
  if (!(error instanceof Error)) return 'the key server cannot be reached';
  if (error.name === 'TimeoutError') return `the key server did not answer within ${timeLimitMs} ms`;
  // undici says only "fetch failed" and keeps the cause beside it.
  const cause = error.cause instanceof Error ? error.cause : error;
  return `the key set cannot be had: ${cause.message}`;
}
