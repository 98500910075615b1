const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * "just now", "3 min ago", "2 h ago", "yesterday", "5 days ago", then the date.
 *
 * @param seenMs when, ms since the epoch
 * @param nowMs this machine's time, ms since the epoch; where its clock is behind the server's, "just now" is said
 */
export function agoText(seenMs: number, nowMs: number, locale?: string): string {
  const ago = nowMs - seenMs;
  if (ago < MINUTE_MS) return 'just now';
  if (ago < HOUR_MS) return `${Math.floor(ago / MINUTE_MS)} min ago`;
  if (ago < DAY_MS) return `${Math.floor(ago / HOUR_MS)} h ago`;
  const days = Math.floor(ago / DAY_MS);
  if (days === 1) return 'yesterday';
  if (days < 7) return `${days} days ago`;
  return new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' }).format(seenMs);
}
