import { EVERYONE_TOPIC, nodeTopic } from '../../ports/broker.ts';
import type { LeasedDevice } from '../../ports/presence.ts';
import type { NodeContext } from '../context.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import type { AskedLine, LinesApi } from '../node-api.ts';
import type { ClusterRuntime } from './cluster-face.ts';
import { createClusterOperations } from './cluster-operations.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import { forgetLeases } from '../leases.ts';
import { endAll } from '../node-messages.ts';
import { createNodeWatch } from './node-watch.ts';
import { createRelay, GONE } from './relay.ts';
import { createSweeper } from './sweeper.ts';

/** What another node is asked about a line of its. */
const LINE_OPERATION = 'line';

/** @param context is read when something happens, not before: its other parts are made behind this one */
export function createClusterRuntime(context: NodeContext): ClusterRuntime | null {
  const { ports, settings } = context;
  const { cluster, broker, secrets, telemetry } = ports;
  if (cluster === null) return null;
  const self = cluster.node;
  let live: Set<string> = new Set([self]);
  let adoptLeases: (leases: readonly LeasedDevice[]) => void = () => undefined;
  let started = false;
  let serveLine: (request: unknown) => Promise<unknown> = () =>
    Promise.reject(new Error('there are no lines here'));

  const sweeper = createSweeper(cluster, ports, (leases) => {
    if (leases.length > 0) adoptLeases(leases);
  });
  const keeper = createLeaseKeeper(cluster, ports, settings.graceMs, {
    renewed(nodes, overdue) {
      live = new Set(nodes);
      sweeper.overdue(overdue);
    },
    cutOff() {
      if (context.state !== 'ready') return;
      context.state = 'cut_off';
      // Elsewhere they are let in, if it is only this node that cannot reach the store.
      for (const link of [...context.links])
        context.closeLink(link, 'unavailable', RETRY_UNAVAILABLE_MS * secrets.fraction());
    },
    back() {
      if (context.state === 'cut_off') context.state = 'ready';
    },
  });
  const relay = createRelay(self, ports, (request) =>
    request.op === LINE_OPERATION ? serveLine(request.args[0]) : operations.serve(request),
  );
  const operations = createClusterOperations(
    context,
    { live: () => [...live], ask: relay.ask },
    () => context.channels.local,
    async (order) => {
      if (order.kind !== 'end') return context.channels.receive(order);
      endAll(context, order);
      if (order.reason !== 'user_erased') return;
      forgetLeases(context, order.user);
      // This node's own memory of the user is the store's to forget: what it put back later would be all that is left of them.
      await ports.presence.erase(order.user);
    },
  );

  const watch = createNodeWatch(self, ports, relay);

  function tellEveryone(joined: boolean): void {
    broker.publish(EVERYONE_TOPIC, { kind: 'node', node: self, joined })?.catch((error: unknown) => {
      // The others learn it from the leases.
      telemetry.warn('node_untold', { error: String(error) });
    });
  }

  async function askLine(node: string, request: unknown, timeoutMs: number): Promise<AskedLine> {
    // A node that hangs may come back, and so may its lines; one without a lease, or that nothing reaches, does not.
    if (!live.has(node)) return { result: 'gone' };
    const asked = relay.askLine(node, { op: LINE_OPERATION, args: [request] }, timeoutMs);
    watch.begin();
    const answer = await asked;
    if (answer === GONE) return { result: 'gone' };
    return answer === undefined ? { result: 'silent' } : { result: 'answer', answer };
  }

  const lines: LinesApi = {
    name: self,
    serve(answer) {
      serveLine = answer;
    },
    async ask(node, request, timeoutMs) {
      const asked = await askLine(node, request, timeoutMs);
      telemetry.relayed(asked.result);
      return asked;
    },
  };

  return {
    operations,
    lines,
    async start(adopt) {
      adoptLeases = adopt;
      await keeper.start();
      await broker.subscribe(nodeTopic(self));
      started = true;
      tellEveryone(true);
    },
    receive(message) {
      if (message.kind !== 'node') relay.receive(message);
      else if (message.joined) live.add(message.node);
      else if (message.node !== self) live.delete(message.node);
    },
    async stop() {
      keeper.stop();
      sweeper.stop();
      watch.stop();
      relay.stop();
      if (!started) return;
      tellEveryone(false);
      try {
        await cluster.retire();
      } catch (error) {
        // The lease lapses by itself.
        telemetry.warn('retire_failed', { error: String(error) });
      }
    },
    get timers() {
      return keeper.timers + sweeper.timers + relay.size + watch.timers;
    },
  };
}
