import type { Clock, Timer } from '../ports/clock.ts';
import type { EventStore, KeptEvents } from '../ports/event-store.ts';
import type { PresenceStore } from '../ports/presence.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Deliveries } from './deliveries.ts';

/** How often what is noted is compared with presence, ms: the end of a node may have swallowed what it should have told. */
export const COMPARE_EVERY_MS = 10 * 60 * 1000;

/** The pause before a store that did not answer is asked again, ms. */
export const ADOPT_AGAIN_MS = 30_000;

/** Names of the nodes that the cluster knows: that live, or are yet to be swept, which hands over what they left. */
export type KnownNodes = () => Promise<readonly string[]>;

type Presence = Pick<PresenceStore, 'read'>;

/** What one of several nodes does about the others' events. */
export type OtherNodes = {
  /** From here on what is noted is compared now and then. */
  start(presence: Presence): void;
  adopt(node: string): Promise<void>;
  stop(): void;
};

/**
 * @param known where it knows nothing of a node at two looks, the node is gone with its lease: nobody sweeps it. A living one renews
 *   in between, also where the store of the leases was emptied
 * @param lookAgainMs from the first look to the second
 * @param settle tells of those among the noted who are not there any more
 */
export function createOtherNodes(
  {
    store,
    clock,
    telemetry,
  }: {
    readonly store: Pick<EventStore, 'adopt' | 'load' | 'owners'>;
    readonly clock: Pick<Clock, 'setTimer'>;
    readonly telemetry: Pick<Telemetry, 'warn'>;
  },
  deliveries: Pick<Deliveries, 'add' | 'disabled'>,
  known: KnownNodes,
  lookAgainMs: number,
  settle: (presence: Presence, noted: KeptEvents['present']) => Promise<void>,
): OtherNodes {
  let presence: Presence | null = null;
  let timer: Timer | null = null;
  let lookTimer: Timer | null = null;
  /** Of which something is kept, and that nobody knew when they were looked for last. */
  let suspects: ReadonlySet<string> = new Set();
  const again = new Map<string, Timer>();
  /** Events of others that wait here, by id: each is delivered by this node once. */
  let taken: ReadonlySet<string> = new Set();
  /** One node after the other: what a store answers is everything that this node then has. */
  let turn = Promise.resolve();
  let stopped = false;

  function arm(): void {
    if (stopped) return;
    timer = clock.setTimer(COMPARE_EVERY_MS, () => void lookForGone().then(compare).then(arm));
  }

  /** Takes over what nodes left whose leases vanished with everything, as when all were killed and Redis emptied. */
  async function lookForGone(): Promise<void> {
    if (deliveries.disabled) return;
    try {
      // In this order: a node has its lease before it keeps anything.
      const owners = await store.owners();
      const there = new Set(await known());
      const unknown = owners.filter((node) => !there.has(node));
      const gone = unknown.filter((node) => suspects.has(node));
      suspects = new Set(unknown);
      await Promise.all(gone.map(adopt));
    } catch (error) {
      // They are looked for again with the next comparing.
      if (!stopped) telemetry.warn('events_unclaimed', { problem: String(error) });
    }
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
      void lookForGone();
      lookTimer = clock.setTimer(lookAgainMs, () => void lookForGone());
    },
    adopt,
    stop() {
      stopped = true;
      timer?.cancel();
      lookTimer?.cancel();
      for (const waiting of again.values()) waiting.cancel();
    },
  };
}
