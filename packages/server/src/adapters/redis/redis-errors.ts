import { ErrorReply } from '@redis/client';
import { storeUnavailable } from '../../ports/unavailable.ts';

/** What Redis answers where it has not carried the command out and may do so later, by the first word of the answer. */
const PASSING = new Set([
  'LOADING',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'READONLY',
  'BUSY',
  // Writes are refused: no memory left, no snapshot could be written, too few replicas.
  'OOM',
  'MISCONF',
  'NOREPLICAS',
]);

/** Answers by which a Cluster sends a command elsewhere, or later; it was not carried out. */
const ELSEWHERE = new Set(['MOVED', 'ASK', 'TRYAGAIN']);

export function isElsewhere(error: unknown): error is ErrorReply {
  return ELSEWHERE.has(errorWord(error));
}

/** Whether a command was refused because a Cluster does not serve its slot at the moment, as far as whoever was asked knows. */
export function isClusterDown(error: unknown): boolean {
  return error instanceof Error && errorWord(error.cause) === 'CLUSTERDOWN';
}

/** The first word of an error that Redis answered; '' where it is none. */
export function errorWord(error: unknown): string {
  return error instanceof ErrorReply ? (/^[A-Z]+/.exec(error.message)?.[0] ?? '') : '';
}

/** What a command rejects with: an answer of Redis as it is, unless it passes; everything else was the line. */
export function commandError(error: unknown): unknown {
  if (!(error instanceof ErrorReply)) return storeUnavailable(`Redis: ${reasonOf(error)}`, error);
  const word = errorWord(error);
  return PASSING.has(word) ? storeUnavailable(`Redis answered ${word}`, error) : error;
}

/** Why Redis cannot be used as it is set up, in one line that says what to change. Holds no secret. */
export type RedisRefusal = Error & { readonly code: 'redis_refused' };

export function redisRefusal(text: string, cause?: unknown): RedisRefusal {
  return Object.assign(new Error(text, { cause }), { code: 'redis_refused' as const });
}

export function isRedisRefusal(error: unknown): error is RedisRefusal {
  return error instanceof Error && 'code' in error && error.code === 'redis_refused';
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node gathers the failures of several addresses of one host in an error without a text.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ');
  // OpenSSL ends its own with a newline.
  return error.message.trim();
}
