import type { Clock, Timer } from '../../ports/clock.ts';

/** How often a gateway looks at its clients, ms. */
const ROUND_MS = 5_000;

/**
 * A client that hears nothing for so long is told that the server is there, ms. Those of y-websocket and Hocuspocus give a connection up
 * that is silent for 30 s, and do not count pings.
 */
export const QUIET_MS = 10_000;

export type Rounds<C> = {
  readonly clients: ReadonlySet<C>;
  add(client: C): void;
  remove(client: C): void;
};

/** The clients of one gateway, and one timer for all. */
export function createRounds<C extends { look(nowMs: number): void }>(
  clock: Pick<Clock, 'monotonicMs' | 'setTimer'>,
): Rounds<C> {
  const clients = new Set<C>();
  let timer: Timer | null = null;

  function look(): void {
    timer = clients.size === 0 ? null : clock.setTimer(ROUND_MS, look);
    const nowMs = clock.monotonicMs();
    for (const client of clients) client.look(nowMs);
  }

  return {
    clients,
    add(client) {
      clients.add(client);
      timer ??= clock.setTimer(ROUND_MS, look);
    },
    remove(client) {
      clients.delete(client);
      if (clients.size > 0) return;
      timer?.cancel();
      timer = null;
    },
  };
}
