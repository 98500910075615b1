import type { Broker, NodeMessage } from '../../ports/broker.ts';

type Delivery = { readonly topic: string; readonly message: NodeMessage };

/**
 * The broker of a single node: delivers within `publish`, in publishing order and never nested. What the listener
 * publishes itself is delivered after the message it is handling.
 */
export function createMemoryBroker(): Broker {
  const subscribed = new Set<string>();
  const waiting: Delivery[] = [];
  let listener: ((topic: string, message: NodeMessage) => void) | undefined;
  let delivering = false;

  return {
    publish(topic, message) {
      if (listener === undefined || !subscribed.has(topic)) return undefined;
      if (delivering) {
        waiting.push({ topic, message });
        return undefined;
      }
      delivering = true;
      try {
        listener(topic, message);
        // The array grows while the listener publishes; an index sees that, an iterator's copy would not.
        for (let i = 0; i < waiting.length; i++) {
          const next = waiting[i] as Delivery;
          listener(next.topic, next.message);
        }
      } finally {
        waiting.length = 0;
        delivering = false;
      }
      return undefined;
    },
    subscribe(topic) {
      subscribed.add(topic);
      return undefined;
    },
    unsubscribe(topic) {
      subscribed.delete(topic);
    },
    listen(receive) {
      listener = receive;
    },
  } satisfies Broker;
}
