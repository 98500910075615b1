import type { Broker, NodeMessage } from '../../ports/broker.ts';
import type { Shared } from './cluster-shared.ts';
import type { BusEnd } from './cluster-bus.ts';
import type { StoreLine } from './cluster-line.ts';

/** A node's end of the shared broker. */
export type ClusterBroker = {
  readonly port: Broker;
  /** Subscribes anew to everything, and tells that messages may have been lost. */
  resubscribe(run: StoreLine['run']): Promise<void>;
};

export function createClusterBroker({ bus }: Shared, node: string, line: StoreLine): ClusterBroker {
  const wanted = new Set<string>();
  let listener: ((topic: string, message: NodeMessage) => void) | undefined;
  let gapped: (() => void) | (() => Promise<void>) | undefined;
  let lost: (() => void) | undefined;
  /** One for each line: what an older line still carries is received by nobody. */
  let end = newEnd();

  function newEnd(): BusEnd {
    return {
      carry: (deliver) => line.carry(deliver),
      receive(topic, message) {
        if (wanted.has(topic)) listener?.(topic, message);
      },
    };
  }

  line.onDown(() => {
    bus.drop(node);
    end = newEnd();
    lost?.();
  });

  return {
    port: {
      publish: (topic, message) => line.run(() => bus.publish(topic, message)),
      subscribe(topic) {
        wanted.add(topic);
        return line.run(() => {
          if (wanted.has(topic)) bus.subscribe(node, topic, end);
        });
      },
      unsubscribe(topic) {
        wanted.delete(topic);
        // A line that is down is subscribed to nothing.
        line.run(() => wanted.has(topic) || bus.unsubscribe(node, topic)).catch(() => undefined);
      },
      listen(receive, onGap, onLost) {
        listener = receive;
        gapped = onGap;
        lost = onLost;
      },
    },
    async resubscribe(run) {
      await run(() => {
        for (const topic of wanted) bus.subscribe(node, topic, end);
      });
      // Not waited for: what is read then comes by this line, which stands only behind this.
      void gapped?.();
    },
  };
}
