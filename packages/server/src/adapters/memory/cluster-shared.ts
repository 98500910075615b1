import type { ClusterBus } from './cluster-bus.ts';
import type { LeaseTimes } from './cluster-leases.ts';
import type { SharedLog } from './cluster-log.ts';
import type { ClusterState } from './cluster-state.ts';

/** The shared store as it is at the moment. */
export type Shared = {
  state: ClusterState;
  log: SharedLog;
  /** Which life of which server it is. */
  run: number;
  /** Which of the stores that came back empty, or are another server's, this is. */
  incarnation: number;
  readonly bus: ClusterBus;
  readonly publish: ClusterBus['publish'];
  readonly times: LeaseTimes;
  readonly nowMs: () => number;
};
