import { canHear, nodeTopic } from '../../ports/broker.ts';
import type { Timer } from '../../ports/clock.ts';
import type { NodePorts } from '../node-options.ts';
import type { Relay } from './relay.ts';

/** Between looks at the nodes that requests about lines wait for, ms. */
export const LOOK_MS = 1_000;

/**
 * Looks in a row at which a node did not listen: then its process has ended. One that lost its line to the broker alone is back
 * within them; where it is not, its clients resume elsewhere, as if their lines had dropped.
 */
export const UNHEARD_LOOKS = 3;

/**
 * Notices the end of a node that did not say so, long before its lease lapses: a poll that waits there would be answered
 * by nobody for half a minute. Looks only while somebody waits.
 */
export type NodeWatch = {
  /** Somebody waits. */
  begin(): void;
  stop(): void;
  readonly timers: number;
};

export function createNodeWatch(
  self: string,
  { broker, clock, telemetry }: Pick<NodePorts, 'broker' | 'clock' | 'telemetry'>,
  relay: Pick<Relay, 'awaited' | 'giveUp'>,
): NodeWatch {
  const unheard = new Map<string, number>();
  let timer: Timer | null = null;
  let looking = false;
  let stopped = false;

  function begin(): void {
    if (stopped || looking || timer !== null || !canHear(broker)) return;
    timer = clock.setTimer(LOOK_MS, () => {
      timer = null;
      void look();
    });
  }

  /** Whether the node listens; null: the broker does not say. */
  async function isHeard(node: string): Promise<boolean | null> {
    if (!canHear(broker)) return null;
    try {
      return await broker.isHeard(nodeTopic(node));
    } catch {
      // The broker is away, and says so elsewhere: nothing follows from it for any node.
      return null;
    }
  }

  async function look(): Promise<void> {
    looking = true;
    const nodes = [...relay.awaited()];
    for (const node of unheard.keys()) if (!nodes.includes(node)) unheard.delete(node);
    const [own, ...others] = await Promise.all([self, ...nodes].map(isHeard));
    looking = false;
    if (stopped) return;
    for (const [at, node] of nodes.entries()) {
      // Where this node is not heard itself it is the broker that has lost its listeners.
      const looks = own === true && others[at] === false ? (unheard.get(node) ?? 0) + 1 : 0;
      if (looks < UNHEARD_LOOKS) {
        unheard.set(node, looks);
        continue;
      }
      unheard.delete(node);
      telemetry.warn('node_unheard', { node });
      relay.giveUp(node);
    }
    if (nodes.length > 0) begin();
  }

  return {
    begin,
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
    },
    get timers() {
      return timer === null ? 0 : 1;
    },
  };
}
