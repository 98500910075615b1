import { createClient, createCluster } from '@redis/client';
import { expect, vi } from 'vitest';
import { type Keys, createKeys } from '../../src/adapters/redis/keys.ts';
import { createRedisMembers } from '../../src/adapters/redis/members.ts';
import { decodeNodeMessage } from '../../src/adapters/redis/node-message-codec.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import { type MemberNotice, channelTopic } from '../../src/ports/broker.ts';
import type { SharedMembers } from '../../src/ports/members.ts';
import type { MembersSubject } from '../../src/testing/members-contract.ts';
import { openLink } from '../servers/open-link.ts';
import type { RedisCluster } from '../servers/redis-cluster.ts';
import type { RedisServer } from '../servers/redis-server.ts';

let prefixes = 0;

/** How long a line may take to be made anew, ms. */
const WAIT = { timeout: 30_000 };

export type RedisMembersSubject = MembersSubject & {
  readonly keys: Keys;
  /** The server is there again: resolves when every line to it stands, and everything is watched anew. */
  reconnected(): Promise<void>;
};

/** Where the keys lie, and the lines to it: they take longer to make than a test does. */
export type RedisPlace = {
  /** The line of a node. */
  link(node: string): Promise<RedisLink>;
  /** Hears what is published as any client of Redis would, with none of our code. */
  openSubscriber(): Promise<Subscriber>;
  flush(): Promise<void>;
  close(): Promise<void>;
};

type Subscriber = {
  sSubscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  destroy(): void;
};

export function onServer(server: RedisServer): RedisPlace {
  return {
    ...lines(() => openLink(server.port)),
    async openSubscriber() {
      const client = createClient({ RESP: 3, url: server.url, maintNotifications: 'disabled' });
      // Its server may be killed on purpose.
      client.on('error', () => undefined);
      return client.connect();
    },
    flush: async () => void (await server.run('FLUSHALL')),
  };
}

export function onCluster({ nodes }: RedisCluster): RedisPlace {
  const addresses = nodes.map(({ host, port }) => ({ host, port }));
  const topology = { kind: 'cluster', nodes: addresses } as const;
  return {
    ...lines(() => openLink(addresses[0]?.port ?? 0, { topology })),
    async openSubscriber() {
      const rootNodes = addresses.map((socket) => ({ socket }));
      const client = createCluster({ RESP: 3, rootNodes, defaults: { maintNotifications: 'disabled' } });
      client.on('error', () => undefined);
      return client.connect();
    },
    async flush() {
      await Promise.all(
        nodes.map(async (node) => {
          if (String(await node.run('ROLE')).startsWith('master')) await node.run('FLUSHALL');
        }),
      );
    },
  };
}

function lines(open: () => Promise<RedisLink>): Pick<RedisPlace, 'link' | 'close'> {
  const links = new Map<string, Promise<RedisLink>>();
  return {
    link(node) {
      const link = links.get(node) ?? open();
      links.set(node, link);
      return link;
    },
    async close() {
      for (const link of links.values()) await (await link).close();
    },
  };
}

/** Several nodes over a real Redis, each with a line of its own; every subject has keys of its own. */
export async function redisMembersSubject(place: RedisPlace): Promise<RedisMembersSubject> {
  const prefix = `members-${++prefixes}:`;
  const keys = createKeys(prefix);
  const links: RedisLink[] = [];
  const nodes = new Map<string, SharedMembers>();
  const notices = new Map<string, MemberNotice[]>();
  const probes = new Map<string, () => void>();
  let subscriber = await place.openSubscriber();

  async function linkOf(name: string): Promise<SharedMembers> {
    const link = await place.link(name);
    links.push(link);
    return createRedisMembers({ link, keys, node: name, nowMs: () => Date.now(), occupancy: true });
  }
  for (const name of ['a', 'b', 'c', 'd']) nodes.set(name, await linkOf(name));

  async function watch(channel: string): Promise<void> {
    const topic = channelTopic(channel);
    const noted: MemberNotice[] = [];
    notices.set(channel, noted);
    await subscriber.sSubscribe(keys.channel(topic), (text) => {
      const probe = probes.get(text);
      if (probe !== undefined) return probe();
      const message = decodeNodeMessage(topic, text);
      if (message?.kind !== 'member') throw new Error(`on ${topic}: ${text}`);
      noted.push(message);
    });
  }

  return {
    keys,
    node(name) {
      const node = nodes.get(name);
      if (node === undefined) throw new Error(`no node ${name}`);
      return node;
    },
    watch,
    async told(channel) {
      const probe = `probe ${probes.size}`;
      const come = new Promise<void>((resolve) => probes.set(probe, resolve));
      const topic = keys.channel(channelTopic(channel));
      await links[0]?.command(topic, 'SPUBLISH', topic, probe);
      await come;
      return notices.get(channel)?.splice(0) ?? [];
    },
    lose: () => place.flush(),
    async reconnected() {
      subscriber.destroy();
      subscriber = await place.openSubscriber();
      for (const channel of notices.keys()) await watch(channel);
      await vi.waitFor(() => expect(links.every(({ up }) => up)).toBe(true), WAIT);
    },
    async close() {
      subscriber.destroy();
    },
  };
}
