import type { Timer } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import { areShared } from '../../ports/members.ts';
import type { LeasedDevice } from '../../ports/presence.ts';
import type { NodePorts } from '../node-options.ts';

/** Holders that one call deals with. */
const HOLDERS_A_BATCH = 200;

/** Batches come no faster than this: a node of many sessions must not leave in one breath, ms. */
const PAUSE_MS = 100;

/** Nodes begin to sweep within this of each other, so that one of them has mostly done it, ms. */
const SPREAD_MS = 5_000;

/** Behind a failure, ms. */
const RETRY_MS = 5_000;

/** Ends what dead nodes have left. */
export type Sweeper = {
  /** These may be swept now. Those under way, or waiting, go on. */
  overdue(nodes: readonly string[]): void;
  stop(): void;
  readonly timers: number;
};

/** @param adopt HTTP statuses that this node looks after from now on */
export function createSweeper(
  cluster: Cluster,
  {
    clock,
    events,
    members,
    secrets,
    telemetry,
  }: Pick<NodePorts, 'clock' | 'events' | 'members' | 'secrets' | 'telemetry'>,
  adopt: (leases: readonly LeasedDevice[]) => void,
): Sweeper {
  const waiting = new Map<string, Timer | null>();
  let stopped = false;

  function wait(node: string, delayMs: number): void {
    if (stopped) return;
    waiting.set(
      node,
      clock.setTimer(delayMs, () => {
        waiting.set(node, null);
        void sweep(node);
      }),
    );
  }

  async function sweep(node: string): Promise<void> {
    try {
      const { overdue, holders, ended, leases } = await cluster.sweep(node, HOLDERS_A_BATCH);
      if (stopped) return;
      // It renewed while this node waited for its turn: its members are where they were.
      if (!overdue) return void waiting.delete(node);
      for (let i = 0; i < ended; i++) telemetry.sessionExpired();
      adopt(leases);
      const gone = await sweepMembers(node);
      if (stopped) return;
      if (holders > 0 || gone > 0) wait(node, PAUSE_MS);
      else {
        waiting.delete(node);
        telemetry.warn('node_swept', { node });
      }
    } catch (error) {
      if (stopped) return;
      telemetry.warn('sweep_failed', { node, error: String(error) });
      // It may have come back meanwhile: whether it may be swept is asked again with the next renewal.
      waiting.set(
        node,
        clock.setTimer(RETRY_MS, () => void waiting.delete(node)),
      );
    }
  }

  /** A batch of each: once its last session is gone the node is forgotten, and few of its members must be left then. */
  async function sweepMembers(node: string): Promise<number> {
    if (!areShared(members)) return 0;
    const { gone, vacated } = await members.sweepNode(node, HOLDERS_A_BATCH);
    for (const channel of vacated) events.channelVacated(channel, clock.nowMs());
    return gone;
  }

  return {
    overdue(nodes) {
      for (const node of nodes) if (!waiting.has(node)) wait(node, secrets.fraction() * SPREAD_MS);
    },
    stop() {
      stopped = true;
      for (const timer of waiting.values()) timer?.cancel();
      waiting.clear();
    },
    get timers() {
      let timers = 0;
      for (const timer of waiting.values()) if (timer !== null) timers++;
      return timers;
    },
  };
}
