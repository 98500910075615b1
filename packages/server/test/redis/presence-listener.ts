import { createClient, createCluster } from '@redis/client';
import type { Keys } from '../../src/adapters/redis/keys.ts';
import { decodeNodeMessage } from '../../src/adapters/redis/node-message-codec.ts';
import type { NodeMessage } from '../../src/ports/broker.ts';

/** What is published on topics, as anybody would see it who subscribes with a client of their own. */
export type PresenceListener = {
  subscribe(topic: string): Promise<void>;
  /** Everything that was published on the topics before this call has been told. */
  settle(): Promise<void>;
  close(): void;
};

/** @param ports one of a single server, several of a Cluster */
export async function listenTo(
  ports: readonly number[],
  keys: Keys,
  receive: (topic: string, message: NodeMessage) => void,
): Promise<PresenceListener> {
  const [speaker, hearer] = ports.length > 1 ? await clusterPair(ports) : await singlePair(ports[0]!);
  const topics: string[] = [];
  const marks = new Map<string, () => void>();
  let mark = 0;

  return {
    async subscribe(topic) {
      if (topics.includes(topic)) return;
      await hearer.sSubscribe(keys.channel(topic), (text) => {
        const marked = marks.get(text);
        if (marked !== undefined) return marked();
        const message = decodeNodeMessage(topic, text);
        if (message === null) throw new Error(`unreadable on ${topic}: ${text}`);
        receive(topic, message);
      });
      topics.push(topic);
    },
    async settle() {
      // Channels of several slots come over several connections: each is asked.
      await Promise.all(
        topics.map(async (topic) => {
          const text = `mark ${++mark}`;
          const heard = new Promise<void>((resolve) => marks.set(text, resolve));
          await speaker.sPublish(keys.channel(topic), text);
          await heard;
          marks.delete(text);
        }),
      );
    },
    close() {
      speaker.destroy();
      hearer.destroy();
    },
  };
}

type Pair = {
  sPublish(channel: string, text: string): Promise<unknown>;
  sSubscribe(channel: string, hear: (text: string) => void): Promise<unknown>;
  destroy(): void;
};

async function singlePair(port: number): Promise<readonly [Pair, Pair]> {
  const open = async (): Promise<Pair> => {
    const client = createClient({
      RESP: 3,
      maintNotifications: 'disabled',
      socket: { host: '127.0.0.1', port, reconnectStrategy: false },
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  return [await open(), await open()];
}

async function clusterPair(ports: readonly number[]): Promise<readonly [Pair, Pair]> {
  const open = async (): Promise<Pair> => {
    const client = createCluster({
      RESP: 3,
      rootNodes: ports.map((port) => ({ socket: { host: '127.0.0.1', port } })),
      defaults: { maintNotifications: 'disabled' },
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  return [await open(), await open()];
}
