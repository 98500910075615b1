import { errors, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { fetchKeys, KEY_FETCH_TIME_LIMIT_MS } from './key-fetch.ts';
import { KeysUnavailable } from './jwt.ts';

/** Keys older than this are fetched again, beside the logins that go on with them: removed keys end by then. */
export const KEYS_FRESH_MS = 10 * 60 * 1000;

/**
 * Keys older than this are not used, for want of an answer that they still hold: a key that was withdrawn, perhaps
 * because it was stolen, must not be good for as long as somebody can keep the key server out of reach.
 */
export const KEYS_USABLE_MS = 24 * 60 * 60 * 1000;

/** Fetches that tokens may cause at once: a rotation or two must not wait. */
export const FETCH_BURST = 4;

/** One more fetch each this long: whoever sends made-up key ids costs the key server no more than that. */
export const FETCH_COOL_DOWN_MS = 15_000;

export type KeySetOptions = {
  readonly url: URL;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly telemetry: Pick<Telemetry, 'warn'>;
  readonly fetchTimeLimitMs?: number;
};

/**
 * The keys behind a JWKS URL. Cached; fetched again when old, and when a token names a key that is not among them.
 * While the key server cannot be reached the cached keys go on working for a day.
 *
 * @throws KeysUnavailable where the keys that would decide could not be had
 * @throws JWKSNoMatchingKey where a fetch made for this very token has no such key
 */
export function createKeySet({
  url,
  clock,
  telemetry,
  fetchTimeLimitMs = KEY_FETCH_TIME_LIMIT_MS,
}: KeySetOptions): JWTVerifyGetKey {
  let keys: LocalJWKSet | null = null;
  let fetchedAtMs = 0;
  let inFlight: Promise<boolean> | null = null;
  let allowance = FETCH_BURST;
  let allowanceAtMs = clock.monotonicMs();

  function mayFetch(): boolean {
    const nowMs = clock.monotonicMs();
    allowance = Math.min(FETCH_BURST, allowance + (nowMs - allowanceAtMs) / FETCH_COOL_DOWN_MS);
    allowanceAtMs = nowMs;
    if (allowance < 1) return false;
    allowance--;
    return true;
  }

  async function load(): Promise<boolean> {
    const startedAtMs = clock.monotonicMs();
    const fetched = await fetchKeys(url, fetchTimeLimitMs);
    inFlight = null;
    if (!fetched.ok) {
      // The query may carry a secret of the key server's; host and path are enough to find it.
      telemetry.warn('keys_unreachable', {
        url: url.origin + url.pathname,
        problem: fetched.problem,
        cached: keys !== null,
      });
      return false;
    }
    keys = fetched.keys;
    fetchedAtMs = startedAtMs;
    return true;
  }

  /** `own`: the fetch was begun for this caller, so that its answer is newer than the caller's token. */
  async function refresh(): Promise<{ readonly fetched: boolean; readonly own: boolean }> {
    if (inFlight !== null) return { fetched: await inFlight, own: false };
    if (!mayFetch()) return { fetched: false, own: true };
    inFlight = load();
    return { fetched: await inFlight, own: true };
  }

  return async (header, token) => {
    const ageMs = clock.monotonicMs() - fetchedAtMs;
    const before = ageMs > KEYS_USABLE_MS ? null : keys;
    if (before !== null) {
      if (ageMs > KEYS_FRESH_MS) void refresh();
      try {
        return await before(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
    }
    const { fetched, own } = await refresh();
    const after: LocalJWKSet | null = keys;
    if (!fetched || after === null) throw new KeysUnavailable();
    try {
      return await after(header, token);
    } catch (error) {
      // A fetch that others began may be older than a key that has just been published.
      if (error instanceof errors.JWKSNoMatchingKey && !own) throw new KeysUnavailable();
      throw error;
    }
  };
}
