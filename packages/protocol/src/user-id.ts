import { MAX_USER_ID_LENGTH } from './limits.ts';

/** No control characters, no surrogate that stands alone: with `u` a pair is one character, and none of these. */
const ALLOWED = /^[^\p{Cc}\p{Cs}]+$/u;

/**
 * Whether a user id may be used: 1 to 255 UTF-16 units, no control characters (C0, DEL, C1) and no lone surrogate,
 * which would not survive UTF-8. Everything else is allowed, braces, colons, slashes and `|` included: ids are
 * encoded where a key or a path gives them a meaning.
 */
export function isUserId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_USER_ID_LENGTH && ALLOWED.test(value);
}
