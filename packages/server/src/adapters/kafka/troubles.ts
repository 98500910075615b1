import type { KafkaDeps } from './kafka-settings.ts';

/** A trouble that goes on is said again this seldom, in ms. */
const SAY_AGAIN_MS = 60_000;

/** What is wrong at the moment, by the part that it is wrong with. */
export type Troubles = {
  /** Notes what is wrong, and warns where that was not said lately. */
  set(part: string, event: string, reason: string): void;
  clear(part: string): void;
  /** Null while all is well. */
  current(): string | null;
};

/** A part that fails again and again warns once a minute, whether it was well between or not. */
export function createTroubles({ clock, warn }: Pick<KafkaDeps, 'clock' | 'warn'>): Troubles {
  const reasons = new Map<string, string>();
  const saidMs = new Map<string, number>();
  return {
    set(part, event, reason) {
      reasons.set(part, reason);
      const nowMs = clock.monotonicMs();
      // By event: ten partitions that cannot be fetched because a broker is down are one thing to know.
      if (nowMs - (saidMs.get(event) ?? -Infinity) < SAY_AGAIN_MS) return;
      saidMs.set(event, nowMs);
      warn(event, { reason });
    },
    clear: (part) => void reasons.delete(part),
    current: () => reasons.values().next().value ?? null,
  };
}
