import type { Clock, Timer } from '../../ports/clock.ts';
import type { LastSeen } from '../../ports/directory.ts';
import type { PresenceStore } from '../../ports/presence.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** How often whoever is online is noted as seen, ms: what a crash of everything costs at most. */
const EVERY_MS = 5 * 60 * 1000;

/** Users that are asked for at once. */
const USERS_A_ROUND = 500;

export type NoteOnlineOptions = {
  readonly clock: Clock;
  readonly presence: Pick<PresenceStore, 'read'>;
  readonly telemetry: Pick<Telemetry, 'warn'>;
  /** Users of whom this node holds something. */
  readonly users: () => Iterable<string>;
  readonly note: (seen: readonly LastSeen[]) => void;
};

/**
 * Notes every five minutes that the users of this node are being seen. Their visible records are read for it: one device on
 * another node may hide them.
 */
export function createNoteOnline({ clock, presence, telemetry, users, note }: NoteOnlineOptions): {
  start(): void;
  stop(): void;
} {
  let timer: Timer | null = null;
  let stopped = false;

  async function round(): Promise<void> {
    const names = [...users()];
    for (let from = 0; from < names.length && !stopped; from += USERS_A_ROUND) {
      const records = await presence.read(names.slice(from, from + USERS_A_ROUND));
      const ms = clock.nowMs();
      note(records.filter(({ s }) => s !== 'Offline').map(({ user }) => ({ user, ms })));
    }
  }

  function arm(): void {
    if (stopped) return;
    timer = clock.setTimer(EVERY_MS, () => {
      round()
        // Five minutes later it is tried again.
        .catch((error: unknown) => telemetry.warn('online_not_noted', { error: String(error) }))
        .finally(arm);
    });
  }

  return {
    start: arm,
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
