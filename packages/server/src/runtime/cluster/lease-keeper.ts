import { judgeLeases } from '../../core/cluster/judge-leases.ts';
import type { Timer } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { NodePorts } from '../node-options.ts';

/** Renewals in the life of a lease: two may fail before it lapses. */
const RENEWALS_A_LEASE = 3;

/** Intervals differ by up to so much, so that nodes which were started together do not renew together. */
const JITTER = 0.2;

/** A renewal that failed is tried again after so long, ms. */
const RETRY_MS = 1_000;

/**
 * The part of a grace, beyond its lease, that a node which cannot renew keeps its clients for. The rest is for them to reach
 * another node before anybody may sweep their sessions.
 */
const KEPT_OF_GRACE = 0.75;

/** What the keeper tells of. */
export type LeaseEvents = {
  /** Nodes that live, this one first; nodes that may be swept. */
  renewed(live: readonly string[], overdue: readonly string[]): void;
  /** For too long nothing was renewed: from now on others may come to take this node's sessions for left. */
  cutOff(): void;
  /** It renews again. */
  back(): void;
};

/** Keeps this node's lease. */
export type LeaseKeeper = {
  /** Resolves once the lease was taken; rejects where it cannot be. */
  start(): Promise<void>;
  stop(): void;
  readonly timers: number;
};

export function createLeaseKeeper(
  cluster: Cluster,
  { clock, secrets, telemetry }: Pick<NodePorts, 'clock' | 'secrets' | 'telemetry'>,
  graceMs: number,
  events: LeaseEvents,
): LeaseKeeper {
  let timer: Timer | null = null;
  let cutOffTimer: Timer | null = null;
  let cutOff = false;
  let stopped = false;
  let renewing: Promise<void> | null = null;

  function arm(delayMs: number): void {
    timer?.cancel();
    timer = null;
    if (stopped) return;
    timer = clock.setTimer(delayMs, () => {
      timer = null;
      renewOnce().catch(() => undefined);
    });
  }

  /** One at a time: an older answer must not come behind a newer one. */
  function renewOnce(): Promise<void> {
    renewing ??= renew().finally(() => {
      renewing = null;
    });
    return renewing;
  }

  async function renew(): Promise<void> {
    // From when it was asked: the answer may have been under way for as long as the rest of the lease.
    const askedMs = clock.monotonicMs();
    try {
      const { nowMs, leases } = await cluster.renew();
      if (stopped) return;
      armCutOff(askedMs);
      const { live, overdue, spared } = judgeLeases(leases, cluster.node, nowMs);
      if (spared.length > 0) {
        telemetry.warn('leases_lapsed_together', { nodes: spared.length, of: leases.length });
        await cluster.hold(spared, nowMs + graceMs);
      }
      if (cutOff) {
        cutOff = false;
        telemetry.warn('lease_renewed_again', {});
        events.back();
      }
      events.renewed(live, overdue);
      arm((cluster.leaseMs / RENEWALS_A_LEASE) * (1 - JITTER * secrets.fraction()));
    } catch (error) {
      if (!stopped) telemetry.warn('lease_not_renewed', { error: String(error) });
      arm(RETRY_MS);
      throw error;
    }
  }

  function armCutOff(renewedMs: number): void {
    cutOffTimer?.cancel();
    const dueMs = renewedMs + cluster.leaseMs + graceMs * KEPT_OF_GRACE;
    cutOffTimer = clock.setTimer(Math.max(0, dueMs - clock.monotonicMs()), () => {
      cutOffTimer = null;
      cutOff = true;
      telemetry.warn('cut_off', { sinceMs: Math.round(clock.monotonicMs() - renewedMs) });
      events.cutOff();
    });
  }

  return {
    start: renewOnce,
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
      cutOffTimer?.cancel();
      cutOffTimer = null;
    },
    get timers() {
      return (timer === null ? 0 : 1) + (cutOffTimer === null ? 0 : 1);
    },
  };
}
