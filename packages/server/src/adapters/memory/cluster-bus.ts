import type { NodeMessage } from '../../ports/broker.ts';

/** Where a node takes what is published. */
export type BusEnd = {
  /** Brings a message to the node, later, in the order given. */
  carry(deliver: () => void): void;
  receive(topic: string, message: NodeMessage): void;
};

/** What the nodes' brokers share: who is subscribed to what. It forgets. */
export type ClusterBus = {
  publish(topic: string, message: NodeMessage): void;
  subscribe(node: string, topic: string, end: BusEnd): void;
  unsubscribe(node: string, topic: string): void;
  /** The node's line broke: it is subscribed to nothing any more. */
  drop(node: string): void;
  /** The server went down, and every line with it. */
  dropAll(): void;
};

export function createClusterBus(): ClusterBus {
  const topics = new Map<string, Map<string, BusEnd>>();
  return {
    publish(topic, message) {
      for (const [node, end] of topics.get(topic) ?? [])
        end.carry(() => {
          // Unsubscribed while it was under way, or subscribed anew on another line.
          if (topics.get(topic)?.get(node) === end) end.receive(topic, message);
        });
    },
    subscribe(node, topic, end) {
      const ends = topics.get(topic);
      if (ends === undefined) topics.set(topic, new Map([[node, end]]));
      else ends.set(node, end);
    },
    unsubscribe(node, topic) {
      const ends = topics.get(topic);
      ends?.delete(node);
      if (ends?.size === 0) topics.delete(topic);
    },
    drop(node) {
      for (const ends of topics.values()) ends.delete(node);
    },
    dropAll: () => topics.clear(),
  };
}
