import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { type Keys, createKeys } from '../../src/adapters/redis/keys.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { UserScriptsOptions } from '../../src/adapters/redis/user-scripts.ts';
import { type RedisUserStores, createRedisUserStores } from '../../src/adapters/redis/user-stores.ts';
import { type StampSource, createStampSource } from '../../src/core/presence/stamp.ts';
import type { Broker, PresenceMessage } from '../../src/ports/broker.ts';
import { presenceTopic } from '../../src/ports/broker.ts';
import type { LastSeen } from '../../src/ports/directory.ts';
import type { PresenceRecord, ReplacedStatus } from '../../src/ports/presence.ts';
import type {
  ClusterNodeSubject,
  LosableClusterSubject,
  PresenceStoreSubject,
  SessionStoreSubject,
} from '../../src/testing/index.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import { GRACE_MS, T0 } from '../adapters/subjects.ts';
import { withSessions } from '../adapters/with-sessions.ts';
import { openLink } from '../servers/open-link.ts';
import type { RedisServer } from '../servers/redis-server.ts';
import { type VirtualClock, createVirtualClock } from '../runtime/virtual-clock.ts';
import { type PresenceListener, listenTo } from './presence-listener.ts';
import { type TimedLink, createTimedLink } from './timed-link.ts';

export const LEASE_MS = 30_000;

/** Where the stores are tried: one server, or a Cluster. */
export type RedisUnderTest = {
  /** Of all servers, to subscribe. */
  readonly ports: readonly number[];
  readonly isCluster: boolean;
  openLink(prefix: string): Promise<RedisLink>;
  /** Empties it. */
  flush(): Promise<void>;
};

/** One server, emptied between tests. */
export function oneServer({ port, run }: RedisServer, settings: Partial<RedisSettings> = {}): RedisUnderTest {
  return {
    ports: [port],
    isCluster: false,
    openLink: (prefix) => openLink(port, { ...settings, prefix }),
    flush: async () => void (await run('FLUSHALL')),
  };
}

let apps = 0;

/** Keys that no other test has. */
function newPrefix(): string {
  return `test${process.pid}-${++apps}:`;
}

type NodeOptions = {
  readonly node: string;
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly redis: RedisUnderTest;
  readonly clock: VirtualClock;
  readonly directory: ReturnType<typeof createMemoryDirectory>;
  readonly onShown?: UserScriptsOptions['onShown'];
  readonly onReplaced?: (status: ReplacedStatus) => void;
  readonly stamps?: StampSource;
};

let lives = 0;

export function openStores({
  node,
  link,
  keys,
  redis,
  clock,
  directory,
  onShown,
  onReplaced,
  stamps,
}: NodeOptions): RedisUserStores {
  return createRedisUserStores({
    link,
    keys,
    node,
    clock,
    leaseMs: LEASE_MS,
    graceMs: GRACE_MS,
    clustered: redis.isCluster,
    newId: () => `life-${++lives}`,
    stamps: stamps ?? createStampSource(0),
    lastSeen: directory,
    recordLastSeen: (seen: LastSeen) => void directory.recordLastSeen([seen]),
    sweepRest: () => Promise.resolve(0),
    onLost: () => Promise.resolve(),
    onShown: onShown ?? (() => undefined),
    onReplaced: onReplaced ?? (() => undefined),
  });
}

export async function sessionSubject(redis: RedisUnderTest): Promise<SessionStoreSubject> {
  const prefix = newPrefix();
  const link = await redis.openLink(prefix);
  const { sessions, stop } = openStores({
    node: '',
    link,
    keys: createKeys(prefix),
    redis,
    clock: createVirtualClock(T0),
    directory: createMemoryDirectory(),
  });
  return {
    store: sessions,
    graceMs: GRACE_MS,
    async close() {
      stop();
      await link.close();
    },
  };
}

export async function presenceSubject(
  redis: RedisUnderTest,
  users: readonly string[],
): Promise<PresenceStoreSubject> {
  const prefix = newPrefix();
  const keys = createKeys(prefix);
  const link = await redis.openLink(prefix);
  const clock = { nowMs: T0 };
  const directory = createMemoryDirectory();
  for (const user of users) await directory.ensureUser(user);
  const { sessions, presence, stop } = openStores({
    node: 'n1',
    link,
    keys,
    redis,
    clock: { ...createVirtualClock(), nowMs: () => clock.nowMs },
    directory,
  });
  let receive: Parameters<Broker['listen']>[0] = () => undefined;
  const listener = await listenTo(redis.ports, keys, (topic, message) => receive(topic, message));
  const broker: Broker = {
    publish: () => undefined,
    subscribe: (topic) => listener.subscribe(topic),
    unsubscribe: () => undefined,
    listen: (listening) => void (receive = listening),
  };
  return {
    store: withSessions(presence, sessions),
    broker,
    clock,
    outlivesNodes: true,
    settle: () => listener.settle(),
    async close() {
      stop();
      listener.close();
      await link.close();
    },
  };
}

/** A node of several, over its own connection, with a clock of its own that is hours away from the others'. */
export type NodeUnderTest = ClusterNodeSubject & {
  readonly stores: RedisUserStores;
  readonly link: TimedLink;
  readonly clock: VirtualClock;
  readonly shown: PresenceRecord[];
  /** Who came, who is gone, and of whom else something was shown: `alice came`. */
  readonly changes: string[];
};

export type ManyNodes = Omit<LosableClusterSubject, 'start'> & {
  readonly keys: Keys;
  readonly directory: ReturnType<typeof createMemoryDirectory>;
  readonly listener: PresenceListener;
  start(wrap?: (link: RedisLink) => RedisLink): Promise<NodeUnderTest>;
  /** Redis's clock is set back; the nodes' go on. */
  setBack(ms: number): void;
};

export const WATCHED = ['alice', 'bob', 'carol', 'dave'];

/**
 * Several nodes over one Redis, in a time that the test lets pass.
 *
 * @param stamps of all nodes, as if they had one; else each has its own
 */
export async function openMany(redis: RedisUnderTest, stamps?: StampSource): Promise<ManyNodes> {
  const prefix = newPrefix();
  const keys = createKeys(prefix);
  const time = { nowMs: T0 };
  const directory = createMemoryDirectory();
  for (const user of WATCHED) await directory.ensureUser(user);
  const nodes: NodeUnderTest[] = [];
  const messages: PresenceMessage[] = [];
  const replaced: string[] = [];
  const listener = await listenTo(redis.ports, keys, (_topic, message) => {
    if (message.kind === 'presence') messages.push(message);
  });
  for (const user of WATCHED) await listener.subscribe(presenceTopic(user));

  async function idle(): Promise<void> {
    for (const { link } of nodes) await link.idle();
  }

  return {
    graceMs: GRACE_MS,
    settleMs: LEASE_MS,
    keys,
    directory,
    listener,
    async start(wrap = (link) => link) {
      const link = createTimedLink(wrap(await redis.openLink(prefix)), time);
      const clock = createVirtualClock(T0 + (nodes.length + 1) * 3_600_000);
      const shown: PresenceRecord[] = [];
      const changes: string[] = [];
      const stores = openStores({
        node: `n${nodes.length + 1}`,
        link,
        keys,
        redis,
        clock,
        directory,
        onShown(record, change) {
          shown.push(record);
          changes.push(`${record.user} ${change}`);
        },
        onReplaced: (status) => void replaced.push(`${status.node} ${status.user} ${status.device}`),
        ...(stamps === undefined ? {} : { stamps }),
      });
      const { sessions, presence, cluster } = stores;
      const { nowMs, steadyMs } = stores.time;
      const node = { cluster, sessions, presence, nowMs, steadyMs, stores, link, clock, shown, changes };
      nodes.push(node);
      return node;
    },
    async pass(ms) {
      time.nowMs += ms;
      for (const { clock } of nodes) await clock.advance(ms);
      await idle();
    },
    setBack(ms) {
      time.nowMs -= ms;
    },
    async published() {
      await idle();
      await listener.settle();
      return messages.splice(0);
    },
    async replaced() {
      await idle();
      return replaced.splice(0);
    },
    lose: () => redis.flush(),
    async replace() {
      const state = keys.cluster('state');
      await nodes[0]!.link.command(state, 'HDEL', state, 'life');
    },
    async close() {
      for (const { stores, link } of nodes) {
        stores.stop();
        await link.close();
      }
      listener.close();
    },
  };
}
