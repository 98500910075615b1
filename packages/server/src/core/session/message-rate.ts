/** How many messages a connection may send: `perSecond` on average, `burst` at once. */
export type RateLimit = { readonly perSecond: number; readonly burst: number };

/** A token bucket. */
export type MessageRate = { tokens: number; atMs: number; refused: number };

/** Refusals in a row after which a connection that does not slow down is closed. */
export const MAX_REFUSALS = 200;

/** What a message that could not be understood costs: a client that sends rubbish runs out ten times sooner. */
export const BAD_MESSAGE_COST = 10;

export function newRate(limit: RateLimit, nowMs: number): MessageRate {
  return { tokens: limit.burst, atMs: nowMs, refused: 0 };
}

export type RateDecision =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse'; readonly retryAfterMs: number }
  | { readonly kind: 'close' };

const PASS: RateDecision = { kind: 'pass' };
const CLOSE: RateDecision = { kind: 'close' };

/** Takes one message's worth out of the bucket. */
export function spend(rate: MessageRate, limit: RateLimit, nowMs: number, cost = 1): RateDecision {
  const grown = rate.tokens + ((nowMs - rate.atMs) / 1000) * limit.perSecond;
  rate.tokens = Math.min(limit.burst, grown);
  rate.atMs = nowMs;
  if (rate.tokens >= cost) {
    rate.tokens -= cost;
    rate.refused = 0;
    return PASS;
  }
  rate.refused++;
  if (rate.refused >= MAX_REFUSALS) return CLOSE;
  return { kind: 'refuse', retryAfterMs: Math.ceil(((cost - rate.tokens) / limit.perSecond) * 1000) };
}
