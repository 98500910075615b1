import { freePorts } from './child-server.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from './redis-server.ts';

const PRIMARIES = 3;
const REPLICAS = 3;
const SLOTS = 16_384;

/** How often nodes are asked whether they have heard of what was done. */
const RETRY_MS = 25;
const LIMIT_MS = 60_000;

/** A node is taken for dead after so many ms without an answer; the default of 15 s would make every test wait. */
const NODE_TIMEOUT_MS = 1_000;

/** A real Redis Cluster of six processes: three primaries, each with a replica. */
export type RedisCluster = {
  /** All six; those that were primaries at first come first. */
  readonly nodes: readonly RedisServer[];
  /** `redis+cluster://…`, naming all six. */
  readonly url: string;
  /** Whoever is the primary of a slot now, as the others see it. */
  primaryOf(slot: number): Promise<RedisServer>;
  /** The replica that follows a primary. */
  replicaOf(primary: RedisServer): Promise<RedisServer>;
  /** Waits until every node that runs sees a whole cluster, and every replica holds what its primary does. */
  settled(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts six servers and joins them, the slots in three equal parts. */
export async function startRedisCluster(options: RedisServerOptions = {}): Promise<RedisCluster> {
  const ports = await freePorts(2 * (PRIMARIES + REPLICAS));
  const nodes: RedisServer[] = await Promise.all(
    Array.from({ length: PRIMARIES + REPLICAS }, (_, i) =>
      startRedis({
        ...options,
        port: ports[2 * i]!,
        settings: [
          ['cluster-enabled', 'yes'],
          // Its default, 10,000 above the other, may be somebody's.
          ['cluster-port', String(ports[2 * i + 1])],
          ['cluster-announce-ip', '127.0.0.1'],
          ['cluster-announce-port', String(ports[2 * i])],
          ['cluster-announce-bus-port', String(ports[2 * i + 1])],
          ['cluster-node-timeout', String(NODE_TIMEOUT_MS)],
          ['cluster-replica-validity-factor', '0'],
          ['repl-diskless-sync-delay', '0'],
          ...(options.settings ?? []),
        ],
      }),
    ),
  );
  const [first] = nodes;
  const ids = new Map<RedisServer, string>();
  for (const [i, node] of nodes.entries()) {
    ids.set(node, String(await node.run('CLUSTER', 'MYID')));
    await node.run('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    if (i < PRIMARIES) {
      const from = Math.ceil((i * SLOTS) / PRIMARIES);
      const to = Math.ceil(((i + 1) * SLOTS) / PRIMARIES) - 1;
      await node.run('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    }
    if (node !== first) await node.run('CLUSTER', 'MEET', '127.0.0.1', String(first!.port), String(ports[1]));
  }
  await until('every node knows the others', async () => {
    const views = await Promise.all(nodes.map(readNodes));
    return views.every((view) => view.length === nodes.length && view.every(({ ready }) => ready));
  });
  for (const [i, replica] of nodes.slice(PRIMARIES).entries())
    await replica.run('CLUSTER', 'REPLICATE', ids.get(nodes[i]!)!);

  const running = (): RedisServer[] => nodes.filter((node) => node.running);

  async function settled(): Promise<void> {
    await until('the cluster is whole', async () => {
      for (const node of running()) {
        const info = String(await node.run('CLUSTER', 'INFO'));
        if (!info.includes('cluster_state:ok')) return false;
        const replication = String(await node.run('INFO', 'replication'));
        if (replication.includes('role:slave') && !replication.includes('master_link_status:up'))
          return false;
      }
      const views = await Promise.all(running().map(readNodes));
      const primaries = views.map((view) => {
        const served = view.filter(({ slots }) => slots !== '').map(({ id, slots }) => `${id} ${slots}`);
        return served.toSorted().join('\n');
      });
      return primaries.every((view) => view === primaries[0]);
    });
  }

  await until('the replicas follow', async () => {
    const views = await Promise.all(nodes.map(readNodes));
    return views.every((view) => view.filter(({ role }) => role === 'slave').length === REPLICAS);
  });
  await settled();

  const byPort = (port: number): RedisServer => nodes.find((node) => node.port === port)!;
  return {
    nodes,
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    async primaryOf(slot) {
      const view = await readNodes(running()[0]!);
      return byPort(view.find(({ slots }) => slots.split(' ').some((range) => holds(range, slot)))!.port);
    },
    async replicaOf(primary) {
      const view = await readNodes(running()[0]!);
      return byPort(view.find(({ primary: of }) => of === ids.get(primary))!.port);
    },
    settled,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/**
 * Moves a slot with its keys from one primary to another.
 *
 * @param between called while the slot is under way: its keys are still where they were, and new ones are made at the other
 */
export async function moveSlot(
  cluster: RedisCluster,
  slot: number,
  to: RedisServer,
  between: () => Promise<void> = async () => undefined,
): Promise<void> {
  const from = await cluster.primaryOf(slot);
  const [fromId, toId] = [String(await from.run('CLUSTER', 'MYID')), String(await to.run('CLUSTER', 'MYID'))];
  await to.run('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
  await from.run('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId);
  await between();
  for (;;) {
    const keys = (await from.run('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[];
    if (keys.length === 0) break;
    await from.run('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
  }
  await to.run('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
  await from.run('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
}

type NodeView = {
  readonly id: string;
  readonly port: number;
  readonly role: string;
  /** Of its primary; `-` where it is one itself. */
  readonly primary: string;
  readonly ready: boolean;
  /** `0-5460 6000` */
  readonly slots: string;
};

/** What a node knows of the others (`CLUSTER NODES`). */
async function readNodes(node: RedisServer): Promise<readonly NodeView[]> {
  const text = String(await node.run('CLUSTER', 'NODES'));
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [id, address, flags, primary, , , , link, ...slots] = line.split(' ');
      return {
        id: id!,
        port: Number(/:(\d+)@/.exec(address!)?.[1]),
        role: flags!.includes('slave') ? 'slave' : 'master',
        primary: primary!,
        ready: link === 'connected' && !flags!.includes('handshake'),
        slots: slots.filter((range) => !range.startsWith('[')).join(' '),
      };
    });
}

function holds(range: string, slot: number): boolean {
  const [first, last = first] = range.split('-').map(Number);
  return first! <= slot && slot <= last!;
}

async function until(what: string, holdsNow: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!(await holdsNow())) {
    if (performance.now() > endMs) throw new Error(`waited ${LIMIT_MS} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
