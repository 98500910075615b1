import {
  type MemoryCluster,
  type NodeStores,
  createMemoryCluster,
} from '../../../src/adapters/memory/cluster.ts';
import { type StoreLine, createSoundLine } from '../../../src/adapters/memory/cluster-line.ts';
import { createMemoryDirectory } from '../../../src/adapters/memory/directory.ts';
import { createStampSource } from '../../../src/core/presence/stamp.ts';
import type { Events } from '../../../src/ports/events.ts';
import type { SharedMembers } from '../../../src/ports/members.ts';
import type { Secrets } from '../../../src/ports/secrets.ts';
import type { Telemetry } from '../../../src/ports/telemetry.ts';
import { storeUnavailable } from '../../../src/ports/unavailable.ts';
import type { NodePorts } from '../../../src/runtime/node-options.ts';
import type { Harness } from '../harness.ts';
import { type VirtualClock, createVirtualClock } from '../virtual-clock.ts';
import { type ChannelHarnessOptions, createChannelHarness } from './channel-harness.ts';

export const LEASE_MS = 30_000;
export const GRACE_MS = 60_000;

/** One of the nodes, and what a test may do to it. */
export type TestNode = Harness & {
  /** From now on its line to the stores is down: whatever it asks is refused, and nothing comes in. */
  cutOff(): void;
  reconnect(): void;
  /** So many of the messages that would come in next are lost. */
  loseNext(count: number): void;
  /** So many of the things that it asks of the stores next are refused. */
  refuseNext(count: number): void;
};

export type ManyNodes = {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
  /** What was told to whoever wants to hear of channels, by all nodes. */
  readonly events: string[];
  node(name: string): TestNode;
};

export type ManyNodesOptions = Omit<ChannelHarnessOptions, 'clock' | 'ports'> & {
  /** In place of the members of the model: a list elsewhere. */
  readonly members?: (node: string, stores: NodeStores) => SharedMembers;
  /** Further ports, of every node. */
  readonly extra?: Partial<NodePorts>;
  /** What a node reports to beside what it does already. */
  readonly telemetry?: (node: string) => Partial<Telemetry>;
  /** What documents need, shared by the nodes. */
  readonly documents?: Pick<NodePorts, 'documents' | 'engine'>;
};

/** Several real nodes over one model of the stores that they share. */
export async function createManyNodes(
  names: readonly string[],
  options: ManyNodesOptions,
): Promise<ManyNodes> {
  const clock = createVirtualClock();
  const directory = createMemoryDirectory();
  const cluster = createMemoryCluster(() => clock.nowMs(), { leaseMs: LEASE_MS, graceMs: GRACE_MS });
  const events: string[] = [];
  const nodes = new Map<string, TestNode>();
  for (const name of names) nodes.set(name, await start(name));

  async function start(name: string): Promise<TestNode> {
    const line = breakableLine();
    const stamps = createStampSource(0);
    const stores = cluster.join({ node: name, clock, stamps, line: line.port, lastSeen: directory });
    const harness = await createChannelHarness({
      ...options,
      clock,
      settings: { graceMs: GRACE_MS, ...options.settings },
      ports: ({ secrets, logs, telemetry }) => ({
        ...options.extra,
        telemetry: { ...telemetry, ...options.telemetry?.(name) },
        clock: stores.clock,
        secrets: namedSecrets(secrets, name),
        cluster: stores.cluster,
        sessions: stores.sessions,
        presence: stores.presence,
        members: options.members?.(name, stores) ?? stores.members,
        directory,
        broker: stores.broker,
        logs: { ...logs, memory: stores.log },
        stamps,
        steadyMs: stores.steadyMs,
        ...options.documents,
        events: noting(events, name),
      }),
    });
    return Object.assign(harness, {
      cutOff: line.cutOff,
      reconnect: line.reconnect,
      loseNext: line.loseNext,
      refuseNext: line.refuseNext,
    });
  }

  return {
    clock,
    cluster,
    events,
    node(name) {
      const node = nodes.get(name);
      if (node === undefined) throw new Error(`no node ${name}`);
      return node;
    },
  };
}

function breakableLine() {
  const sound = createSoundLine();
  const ups: ((run: StoreLine['run']) => Promise<void>)[] = [];
  const downs: (() => void)[] = [];
  let isDown = false;
  let losing = 0;
  let refusing = 0;
  const port: StoreLine = {
    run(step) {
      if (isDown) return Promise.reject(storeUnavailable('the line is down'));
      if (refusing === 0) return sound.run(step);
      refusing--;
      return Promise.reject(storeUnavailable('the store is busy'));
    },
    carry(deliver) {
      if (isDown) return;
      if (losing > 0) losing--;
      else sound.carry(deliver);
    },
    onUp: (listener) => void ups.push(listener),
    onDown: (listener) => void downs.push(listener),
  };
  return {
    port,
    cutOff() {
      isDown = true;
      for (const listener of downs) listener();
    },
    reconnect() {
      isDown = false;
      for (const listener of ups) void listener((step) => sound.run(step));
    },
    loseNext(count: number) {
      losing = count;
    },
    refuseNext(count: number) {
      refusing = count;
    },
  };
}

/** Ids and tokens that no other node gives. */
function namedSecrets(secrets: Secrets, node: string): Secrets {
  return {
    ...secrets,
    token: () => `${node}-${secrets.token()}`,
    id: () => `${node}-${secrets.id()}`,
  };
}

function noting(events: string[], node: string): Events {
  return {
    userOnline() {},
    userOffline() {},
    channelOccupied: (channel) => void events.push(`${node}: ${channel} occupied`),
    channelVacated: (channel) => void events.push(`${node}: ${channel} vacated`),
  };
}
