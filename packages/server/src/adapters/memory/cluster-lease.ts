import type { StampSource } from '../../core/presence/stamp.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Cluster, NodeLease, Renewal } from '../../ports/cluster.ts';
import type { Shared } from './cluster-shared.ts';
import {
  endForgotten,
  holdStored,
  putBackLeases,
  renewStored,
  retireStored,
  sweepStored,
} from './cluster-leases.ts';
import type { StoreLine } from './cluster-line.ts';
import type { Moment } from './cluster-presence.ts';
import {
  type Recall,
  compareRecords,
  forgetHolder,
  forgetSession,
  isKnown,
  putBack,
  recallDevice,
} from './cluster-recall.ts';

/** From putting back until records are compared: every node renews meanwhile, and puts back what it holds, ms. */
const COMPARE_AFTER_MS = 12_000;

/** A session that nobody ends this long after its grace is forgotten, ms. */
const FORGOTTEN_MS = 5_000;

export type ClusterLease = {
  readonly cluster: Cluster;
  /** The node's clock, set by the store's with each renewal. */
  readonly clock: Clock;
  readonly steadyMs: () => number;
  /** Steps that could not be made, and must be before anybody relies on the store. */
  readonly owed: Set<() => void>;
  /** Told when the line stands again and the lease was renewed. */
  onStanding(listener: (run: StoreLine['run']) => Promise<void>): void;
};

export type LeaseParts = {
  readonly node: string;
  readonly clock: Clock;
  readonly stamps: StampSource;
  readonly line: StoreLine;
  readonly recall: Recall;
};

export function createClusterLease(shared: Shared, parts: LeaseParts): ClusterLease {
  const { node, line, recall, stamps } = parts;
  const owed = new Set<() => void>();
  const standing: ((run: StoreLine['run']) => Promise<void>)[] = [];
  /** The store's clock less the node's monotonic one; null before the first renewal. */
  let aheadMs: number | null = null;
  let lostMs = 0;
  let renewedAtMs: number | null = null;
  /** The store that this node renewed in last. */
  let incarnation: number | null = null;
  /** The leases as they were then. */
  let completeSinceMs = Infinity;
  let peers: readonly NodeLease[] = [];
  let comparing: { readonly users: ReadonlySet<string>; readonly dueMs: number } | null = null;

  const nowMs = (): number =>
    aheadMs === null ? parts.clock.nowMs() : Math.floor(parts.clock.monotonicMs() + aheadMs);
  /** By the store's clock: before the first renewal the node's own may be an hour ahead, and stamps never go back. */
  const momentOf = (ms: number): Moment => ({ nowMs: ms, stamp: stamps.next(ms) });

  /** All in one step: Redis takes several, and nothing else of this node is let through between them. */
  function renewHere(): Renewal & { readonly lostMs: number } {
    const at = shared.nowMs();
    const isNew = incarnation !== null && incarnation !== shared.incarnation;
    if (incarnation === null) completeSinceMs = at;
    // By then whoever was lost with a node that died, too, is known to be gone.
    else if (isNew) completeSinceMs = at + 2 * (shared.times.graceMs + shared.times.leaseMs);
    const renewal = renewStored(shared.state, node, { lostMs, renewedAtMs }, shared.times, at);
    for (const step of owed) step();
    owed.clear();
    if (isNew) {
      putBackLeases(shared, peers, shared.state.lostMs - lostMs, at);
      const users = new Set([...putBack(shared, node, recall), ...(comparing?.users ?? [])]);
      comparing = { users, dueMs: at + COMPARE_AFTER_MS };
    } else {
      forgetSwept(renewal.leases.some((lease) => lease.node === node));
      const overMs = at - shared.state.lostMs - shared.times.graceMs - FORGOTTEN_MS;
      endForgotten(shared, node, (id) => isKnown(recall, id), overMs, momentOf(at));
    }
    if (comparing !== null && comparing.dueMs <= at) {
      compareRecords(shared, comparing.users, momentOf(at));
      comparing = null;
    }
    incarnation = shared.incarnation;
    return { ...renewal, lostMs: shared.state.lostMs };
  }

  /**
   * What others have swept, or taken, while this node was away is no longer for it to put back.
   *
   * @param known whether the store still had this node's lease; else it was swept, and its statuses are another's
   */
  function forgetSwept(known: boolean): void {
    if (!known)
      for (const { user, device } of [...recall.devices.values()]) forgetHolder(recall, user, device, null);
    for (const session of recall.sessions.values())
      if (shared.state.sessions.get(session.id)?.node !== node) forgetSession(recall, session);
  }

  async function renew(run: StoreLine['run']): Promise<Renewal> {
    const { lostMs: lost, ...renewal } = await run(renewHere);
    lostMs = lost;
    peers = renewal.leases;
    renewedAtMs = renewal.nowMs;
    aheadMs = renewal.nowMs - parts.clock.monotonicMs();
    return renewal;
  }

  line.onUp(async (run) => {
    await renew(run);
    for (const listener of standing) await listener(run);
  });

  return {
    owed,
    clock: { ...parts.clock, nowMs },
    steadyMs: () => nowMs() - lostMs,
    onStanding: (listener) => void standing.push(listener),
    cluster: {
      node,
      leaseMs: shared.times.leaseMs,
      get completeSinceMs() {
        return completeSinceMs;
      },
      renew: () => renew((step) => line.run(step)),
      hold: (nodes, sweepAtMs) => line.run(() => holdStored(shared.state, nodes, sweepAtMs, shared.nowMs())),
      async sweep(dead, limit) {
        const swept = await line.run(() =>
          sweepStored(shared, dead, node, limit, shared.nowMs(), momentOf(shared.nowMs())),
        );
        for (const { user, device, expiresAtMs } of swept.leases) {
          const state = shared.state.users.get(user)?.devices.get(device)?.state;
          if (state !== undefined) recallDevice(recall, user, device, state, { expiresAtMs });
        }
        return swept;
      },
      retire: () => line.run(() => retireStored(shared.state, node, shared.times.graceMs, shared.nowMs())),
    } satisfies Cluster,
  };
}
