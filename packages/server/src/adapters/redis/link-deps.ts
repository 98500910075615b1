import type { Clock } from '../../ports/clock.ts';

/** What a link is handed. */
export type RedisLinkDeps = {
  readonly clock: Clock;
  /** From 0 to below 1: spreads reconnects. */
  fraction(): number;
  /** Something an operator may have to look at. Holds no secret. */
  warn(event: string, detail: Readonly<Record<string, string | number>>): void;
};
