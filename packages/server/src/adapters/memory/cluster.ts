import type { StampSource } from '../../core/presence/stamp.ts';
import type { Broker } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { Directory } from '../../ports/directory.ts';
import type { PublishingLog } from '../../ports/log.ts';
import type { SharedMembers } from '../../ports/members.ts';
import type { PresenceStore } from '../../ports/presence.ts';
import type { SharedSessionStore } from '../../ports/sessions.ts';
import { createClusterBroker } from './cluster-broker.ts';
import { createClusterBus } from './cluster-bus.ts';
import { createClusterLease } from './cluster-lease.ts';
import type { LeaseTimes } from './cluster-leases.ts';
import type { Shared } from './cluster-shared.ts';
import type { StoreLine } from './cluster-line.ts';
import { type SharedLog, createSharedLog } from './cluster-log.ts';
import { createClusterLog } from './cluster-log-face.ts';
import { createClusterPresence } from './cluster-presence-face.ts';
import { newRecall } from './cluster-recall.ts';
import { createClusterSessions } from './cluster-sessions.ts';
import { type ClusterState, emptyState } from './cluster-state.ts';
import { type MemoryLog, createMemoryLog } from './log.ts';
import { createSharedMemoryMembers } from './shared-members.ts';

/** What nodes share, in one process: the model of what Redis does for many nodes. */
export type MemoryCluster = {
  /** Where each node finds it; replaced as a whole where the store came back empty or older. */
  readonly shared: Shared;
  /** A node's faces. */
  join(options: NodeOptions): NodeStores;
  /** As FLUSHALL: nothing is left, and no line breaks. */
  empty(): void;
  /** What could be loaded again later. */
  snapshot(): Snapshot;
  /** The server was started again, or another took over: with this, or with what it had. All lines have to be made anew. */
  restart(snapshot?: Snapshot): void;
};

export type Snapshot = { readonly state: ClusterState; readonly appended: number };

export type NodeOptions = {
  readonly node: string;
  /** The node's own clock. */
  readonly clock: Clock;
  readonly stamps: StampSource;
  readonly line: StoreLine;
  readonly lastSeen: Pick<Directory, 'lastSeen' | 'recordLastSeen'>;
};

export type NodeStores = {
  readonly cluster: Cluster;
  readonly sessions: SharedSessionStore;
  readonly presence: PresenceStore;
  readonly members: SharedMembers;
  readonly log: PublishingLog;
  readonly broker: Broker;
  /** The node's clock, set by the store's. */
  readonly clock: Clock;
  /** The time by which absence is measured, ms since the epoch. */
  readonly steadyMs: () => number;
};

/**
 * @param nowMs the store's clock, ms since the epoch
 * @param newMemoryLog the log that the shared one is made of
 */
export function createMemoryCluster(
  nowMs: () => number,
  times: LeaseTimes,
  newMemoryLog: (epoch: string) => MemoryLog = (epoch) => createMemoryLog({ newEpoch: () => epoch }),
): MemoryCluster {
  let runs = 1;
  const bus = createClusterBus();
  const newLog = (): SharedLog => createSharedLog(`run ${runs}`, bus, newMemoryLog);
  const shared: Shared = {
    state: emptyState(),
    log: newLog(),
    run: runs,
    incarnation: runs,
    bus,
    publish: bus.publish,
    times,
    nowMs,
  };

  function begin(state: ClusterState, log: SharedLog): void {
    shared.state = state;
    shared.log = log;
    shared.incarnation = runs;
    // Versions do not come again: Redis makes them of its time.
    state.members.lastVersion = Math.max(state.members.lastVersion, 1000 * nowMs());
  }

  return {
    shared,
    join({ node, clock, stamps, line, lastSeen }) {
      const recall = newRecall();
      const lease = createClusterLease(shared, { node, clock, stamps, line, recall });
      const parts = { shared, node, line, recall, stamps, nowMs: () => lease.clock.nowMs() };
      const broker = createClusterBroker(shared, node, line);
      lease.onStanding((run) => broker.resubscribe(run));
      const members = createSharedMemoryMembers(
        {
          model: () => shared.state.members,
          incarnation: () => shared.incarnation,
          publish: bus.publish,
          run: (step) => line.run(step),
        },
        node,
      );
      return {
        cluster: {
          ...lease.cluster,
          async renew() {
            const renewal = await lease.cluster.renew();
            await members.restore();
            return renewal;
          },
        },
        sessions: createClusterSessions({ ...parts, owed: lease.owed, steadyMs: lease.steadyMs }),
        presence: createClusterPresence({
          ...parts,
          lastSeen,
          // Where it fails, the next one finds the same.
          renewSoon: () => void lease.cluster.renew().catch(() => undefined),
        }),
        members,
        log: createClusterLog(shared, line),
        broker: broker.port,
        clock: lease.clock,
        steadyMs: lease.steadyMs,
      };
    },
    empty() {
      runs++;
      begin(emptyState(), newLog());
    },
    snapshot: () => ({ state: structuredClone(shared.state), appended: shared.log.appended }),
    restart(snapshot) {
      runs++;
      shared.run = runs;
      bus.dropAll();
      const { state, appended } = snapshot ?? { state: shared.state, appended: shared.log.appended };
      begin(structuredClone(state), shared.log.again(`run ${runs}`, appended));
    },
  };
}
