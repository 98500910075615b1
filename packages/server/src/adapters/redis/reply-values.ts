import type { Reply } from './redis-link.ts';

/** What a script answered as a list; empty where it answered something else. */
export function listOf(reply: Reply): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}

/** A text that was answered; '' where it was something else. */
export function textOf(reply: Reply | undefined): string {
  return typeof reply === 'string' ? reply : '';
}

/** A hash, as `HGETALL` answers it. */
export function pairsOf(reply: Reply): readonly (readonly [string, string])[] {
  return reply instanceof Map
    ? [...reply].map(([name, value]) => [textOf(name), textOf(value)] as const)
    : [];
}
