import type { LeasedDevice } from './presence.ts';

/** A node's right to hold sessions. */
export type NodeLease = {
  readonly node: string;
  /** By the cluster's clock, ms since the epoch. */
  readonly expiresAtMs: number;
  /** Its sessions may be swept from then on, unless it renews. */
  readonly sweepAtMs: number;
  /** That was put off once already, because too many lapsed together. */
  readonly held: boolean;
};

export type Renewal = {
  /** When, by the cluster's clock, ms since the epoch. */
  readonly nowMs: number;
  /** All leases as they stood before this renewal, this node's own among them if the store knew it. */
  readonly leases: readonly NodeLease[];
};

export type Swept = {
  /** False: it renewed, or its time has not come. Nothing was touched, and nothing of it may be. */
  readonly overdue: boolean;
  /** Holders that were dealt with: sessions that ended or live elsewhere, statuses that were taken over. 0: none is left. */
  readonly holders: number;
  /** Sessions among them that ended. */
  readonly ended: number;
  /** HTTP statuses that this node looks after from now on. */
  readonly leases: readonly LeasedDevice[];
};

/**
 * The nodes that share the stores: who lives, and what the dead have left.
 *
 * - Times are the store's own, the same for every node, whatever their clocks say.
 * - `renew` MUST extend this node's lease, or begin it. Where the store came back empty, it MUST put back what this node
 *   holds (sessions with their tokens, devices with their states) before it resolves, and MUST NOT publish, for
 *   that, any change that others would see.
 *   Renewals of one node that are asked for at once MUST be carried out one behind the other.
 * - Time in which no node renewed MUST be taken out of every session's grace; a clock of the store that goes back MUST NOT
 *   lengthen it.
 * - `sweep` MUST end only sessions whose home is the node that is swept, and publish each departure once, whichever
 *   nodes sweep at the same time. It MUST forget the node's lease once nothing of it is left.
 * - `retire` MUST make the lease lapse at once; sessions keep their grace.
 * - Every method MUST reject with `storeUnavailable` where the store does not answer within a bounded time.
 */
export interface Cluster {
  /** This node's name; a new one for each life of the process. */
  readonly node: string;
  /** How long a lease lasts, ms. */
  readonly leaseMs: number;
  /**
   * Of what changed before this moment, by the cluster's clock in ms since the epoch, some may be missing from the store: it
   * lost something since, or this node was not there to notice. `Infinity` before the first renewal.
   */
  readonly completeSinceMs: number;
  renew(): Promise<Renewal>;
  /** Puts off, once, when these nodes may be swept. */
  hold(nodes: readonly string[], sweepAtMs: number): Promise<void>;
  sweep(node: string, limit: number): Promise<Swept>;
  retire(): Promise<void>;
}
