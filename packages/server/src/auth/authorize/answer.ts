import type { Decision } from '../../ports/authorizer.ts';

/** The longest that one answer may hold: a right that is good for longer is asked for again after this. */
export const MAX_RIGHT_MS = 24 * 60 * 60 * 1000;

/** What a rule or a callback may say: yes, no, or yes for a time. */
export type Answer =
  | { readonly kind: 'allow'; readonly ttlMs: number | null }
  | { readonly kind: 'deny'; readonly ttlMs: number | null }
  /** It said something else. */
  | { readonly kind: 'nonsense'; readonly problem: string };

/**
 * Reads `{ allow, ttlMs? }`. `allow` is true or false and nothing else; `ttlMs` a whole number of ms, or absent or null where
 * the answer says nothing of time.
 */
export function readAnswer(value: unknown): Answer {
  if (typeof value !== 'object' || value === null || !('allow' in value))
    return nonsense('it answered neither yes nor no');
  const { allow } = value;
  if (typeof allow !== 'boolean') return nonsense('its `allow` is not true or false');
  const ttlMs: unknown = 'ttlMs' in value ? (value.ttlMs ?? null) : null;
  if (ttlMs !== null && !(Number.isSafeInteger(ttlMs) && (ttlMs as number) >= 1))
    return nonsense('its `ttlMs` is not a whole number of at least 1');
  const bounded = ttlMs === null ? null : Math.min(ttlMs as number, MAX_RIGHT_MS);
  return { kind: allow ? 'allow' : 'deny', ttlMs: bounded };
}

function nonsense(problem: string): Answer {
  return { kind: 'nonsense', problem };
}

/** @param leftMs for how long it holds; null: as long as the subscription lasts */
export function allowed(nowMs: number, leftMs: number | null): Decision {
  return { allow: true, untilMs: leftMs === null ? null : nowMs + leftMs };
}

export function denied(code: 'forbidden' | 'unavailable', detail: string): Decision {
  return { allow: false, code, detail };
}
