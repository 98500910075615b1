import { MAX_USER_ID_LENGTH } from './limits.ts';

/**
 * Whether a user id may be used: 1 to 255 UTF-16 units, no control characters (C0, DEL, C1) and no lone surrogate,
 * which would not survive UTF-8. Everything else is allowed, braces, colons, slashes and `|` included: ids are
 * encoded where a key or a path gives them a meaning.
 */
export function isUserId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_USER_ID_LENGTH) return false;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return false;
    if (unit >= 0xdc00 && unit <= 0xdfff) return false;
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = value.charCodeAt(i + 1);
      if (!(next >= 0xdc00 && next <= 0xdfff)) return false;
      i++;
    }
  }
  return true;
}
