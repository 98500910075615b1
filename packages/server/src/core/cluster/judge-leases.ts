import type { NodeLease } from '../../ports/cluster.ts';

/** What the leases say about the nodes. */
export type Judgement = {
  /** Nodes that live, the one that asks among them. */
  readonly live: readonly string[];
  /** Dead nodes whose sessions may be swept now. */
  readonly overdue: readonly string[];
  /**
   * Nodes whose sweeping is to be put off, once: more than half of all lapsed together, and then it was the store that was
   * away, not they.
   */
  readonly spared: readonly string[];
};

/**
 * Judges leases as they stood before `self` renewed its own: after an outage its own has lapsed with the others, and counts.
 *
 * @param nowMs by the clock that the leases are kept by
 */
export function judgeLeases(leases: readonly NodeLease[], self: string, nowMs: number): Judgement {
  const lapsed = leases.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
  const dead = lapsed.filter(({ node }) => node !== self);
  const together = lapsed.length * 2 > leases.length;
  const spared = together ? dead.filter(({ held }) => !held).map(({ node }) => node) : [];
  return {
    live: [
      self,
      ...leases
        .filter(({ node, expiresAtMs }) => node !== self && expiresAtMs > nowMs)
        .map(({ node }) => node),
    ],
    overdue: dead
      .filter(({ node, sweepAtMs }) => sweepAtMs <= nowMs && !spared.includes(node))
      .map(({ node }) => node),
    spared,
  };
}
