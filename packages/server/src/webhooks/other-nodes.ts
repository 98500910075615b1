import type { Clock, Timer } from '../ports/clock.ts';
import type { EventStore, KeptEvents } from '../ports/event-store.ts';
import type { PresenceStore } from '../ports/presence.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Deliveries } from './deliveries.ts';

/** How often what is noted is compared with presence, ms: the end of a node may have swallowed what it should have told. */
export const COMPARE_EVERY_MS = 10 * 60 * 1000;

/** The pause before a store that did not answer is asked again, ms. */
export const ADOPT_AGAIN_MS = 30_000;

type Presence = Pick<PresenceStore, 'read'>;

/** What one of several nodes does about the others' events. */
export type OtherNodes = {
  /** From here on what is noted is compared now and then. */
  start(presence: Presence): void;
  adopt(node: string): Promise<void>;
  stop(): void;
};

/** @param settle tells of those among the noted who are not there any more */
export function createOtherNodes(
  {
    store,
    clock,
    telemetry,
  }: {
    readonly store: Pick<EventStore, 'adopt' | 'load'>;
    readonly clock: Pick<Clock, 'setTimer'>;
    readonly telemetry: Pick<Telemetry, 'warn'>;
  },
  deliveries: Pick<Deliveries, 'add' | 'disabled'>,
  settle: (presence: Presence, noted: KeptEvents['present']) => Promise<void>,
): OtherNodes {
  let presence: Presence | null = null;
  let timer: Timer | null = null;
  const again = new Map<string, Timer>();
  /** Events of others that wait here, by id: each is delivered by this node once. */
  let taken: ReadonlySet<string> = new Set();
  /** One node after the other: what a store answers is everything that this node then has. */
  let turn = Promise.resolve();
  let stopped = false;

  function arm(): void {
    if (stopped) return;
    timer = clock.setTimer(COMPARE_EVERY_MS, () => void compare().then(arm));
  }

  async function compare(): Promise<void> {
    try {
      if (presence !== null) await settle(presence, (await store.load()).present);
    } catch (error) {
      // They are told of the next time.
      if (!stopped) telemetry.warn('webhooks_unsettled', { problem: String(error) });
    }
  }

  async function take(node: string): Promise<void> {
    // The receiver wants nothing more: what is left is for whoever may send it.
    if (stopped || deliveries.disabled) return;
    const { events } = await store.adopt(node);
    const adopted = events.filter(({ number }) => number <= 0);
    for (const event of adopted) if (!taken.has(event.id)) deliveries.add(event, null, true);
    taken = new Set(adopted.map(({ id }) => id));
    await compare();
  }

  function adopt(node: string): Promise<void> {
    turn = turn
      .then(() => take(node))
      .catch((error: unknown) => {
        if (stopped) return;
        telemetry.warn('events_not_adopted', { node, problem: String(error) });
        again.get(node)?.cancel();
        again.set(
          node,
          clock.setTimer(ADOPT_AGAIN_MS, () => {
            again.delete(node);
            void adopt(node);
          }),
        );
      });
    return turn;
  }

  return {
    start(store) {
      presence = store;
      arm();
    },
    adopt,
    stop() {
      stopped = true;
      timer?.cancel();
      for (const waiting of again.values()) waiting.cancel();
    },
  };
}
