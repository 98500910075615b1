/** How many messages a connection may send: `perSecond` on average, `burst` at once. */
export type RateLimit = { readonly perSecond: number; readonly burst: number };

/** A token bucket. */
export type MessageRate = { tokens: number; atMs: number; refused: number };

/** Refusals after which a connection that does not slow down is closed; one is forgiven each second. */
export const MAX_REFUSALS = 200;

/**
 * Frames up to this size are read before they are counted, so that a refusal can name its request. What is larger is
 * paid for by its size first: reading it is most of what it costs.
 */
export const FREE_TO_READ_UNITS = 4096;

/** What reading a large frame costs, in messages. */
export function readingCost(units: number): number {
  return units <= FREE_TO_READ_UNITS ? 0 : Math.ceil(units / 1024);
}

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
  const elapsedS = (nowMs - rate.atMs) / 1000;
  rate.tokens = Math.min(limit.burst, rate.tokens + elapsedS * limit.perSecond);
  rate.refused = Math.max(0, rate.refused - elapsedS);
  rate.atMs = nowMs;
  // More than was ever there at once can never be paid: then all there is must do.
  const price = Math.min(cost, limit.burst);
  if (rate.tokens >= price) {
    rate.tokens -= price;
    return PASS;
  }
  rate.refused++;
  if (rate.refused >= MAX_REFUSALS) return CLOSE;
  return { kind: 'refuse', retryAfterMs: Math.ceil(((price - rate.tokens) / limit.perSecond) * 1000) };
}
