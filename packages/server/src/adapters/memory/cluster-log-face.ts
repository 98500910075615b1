import type { PublishingLog } from '../../ports/log.ts';
import type { StoreLine } from './cluster-line.ts';
import type { Shared } from './cluster-shared.ts';

/** How often a node looks for keys that ran out, for nobody tells it when one will, ms. */
const EXPIRY_LOOK_MS = 1_000;

/** A node's face of the log. */
export function createClusterLog(shared: Shared, line: StoreLine): PublishingLog {
  let lookedMs = 0;
  return {
    publishes: true,
    append: (append) => line.run(() => shared.log.append(append)),
    top: (channel) => line.run(() => shared.log.log.top(channel)),
    read: (channel, position, retention, nowMs) =>
      line.run(() => shared.log.log.read(channel, position, retention, nowMs)),
    history: (channel, query, retention, nowMs) =>
      line.run(() => shared.log.log.history(channel, query, retention, nowMs)),
    entries: (channel, after, limit) => line.run(() => shared.log.log.entries(channel, after, limit)),
    entry: (channel, key) => line.run(() => shared.log.log.entry(channel, key)),
    expire(nowMs, limit) {
      lookedMs = nowMs;
      return line.run(() => shared.log.expire(nowMs, limit));
    },
    // Too early, mostly, and never too late by more than the pause between two looks.
    nextExpiryMs: () => lookedMs + EXPIRY_LOOK_MS,
    trim: (channel, upTo) => line.run(() => shared.log.trim(channel, upTo)),
    settle: () => line.run(() => undefined),
    forget: (channel) => line.run(() => shared.log.forget(channel)),
    counts: () => null,
  } satisfies PublishingLog;
}
