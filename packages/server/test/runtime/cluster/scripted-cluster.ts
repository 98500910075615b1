import type { Cluster, NodeLease, Swept } from '../../../src/ports/cluster.ts';
import { storeUnavailable } from '../../../src/ports/unavailable.ts';
import type { VirtualClock } from '../virtual-clock.ts';

export const LEASE_MS = 30_000;

/** A cluster port that answers what a test says, and notes what it is asked. */
export type ScriptedCluster = Cluster & {
  readonly asked: { readonly what: string; readonly atMs: number }[];
  /** The other nodes' leases. */
  leases: NodeLease[];
  /** What `sweep` answers, in turn; then that nothing is left. */
  swept: Swept[];
  /** `completeSinceMs`. */
  complete: number;
  /** Refuses everything. */
  away: boolean;
  /** Leaves renewals unanswered; `answer` lets them go. */
  hangs: boolean;
  answer(): void;
};

export function scriptCluster(clock: VirtualClock, node = 'a'): ScriptedCluster {
  const held: (() => void)[] = [];
  async function pass(what: string): Promise<void> {
    script.asked.push({ what, atMs: clock.monotonicMs() });
    if (script.hangs) await new Promise<void>((resolve) => held.push(resolve));
    if (script.away) throw storeUnavailable('out of reach');
  }
  const script: ScriptedCluster = {
    node,
    leaseMs: LEASE_MS,
    get completeSinceMs() {
      return script.complete;
    },
    complete: 0,
    asked: [],
    leases: [],
    swept: [],
    away: false,
    hangs: false,
    answer() {
      for (const resolve of held.splice(0)) resolve();
    },
    async renew() {
      await pass('renew');
      return { nowMs: clock.nowMs(), leases: script.leases };
    },
    async hold(nodes, sweepAtMs) {
      await pass(`hold ${nodes.join(' ')} for ${sweepAtMs - clock.nowMs()}`);
    },
    async sweep(dead, limit) {
      await pass(`sweep ${dead} ${limit}`);
      return script.swept.shift() ?? { overdue: true, holders: 0, ended: 0, leases: [] };
    },
    async retire() {
      await pass('retire');
    },
  };
  return script;
}
