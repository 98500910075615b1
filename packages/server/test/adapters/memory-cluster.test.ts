import { describe, expect, it } from 'vitest';
import {
  type MemoryCluster,
  type NodeStores,
  createMemoryCluster,
} from '../../src/adapters/memory/cluster.ts';
import { createSoundLine } from '../../src/adapters/memory/cluster-line.ts';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type PresenceMessage, nodeTopic, presenceTopic } from '../../src/ports/broker.ts';
import { clusterContract } from '../../src/testing/cluster-contract.ts';
import { clusterLossContract } from '../../src/testing/cluster-loss-contract.ts';
import type { LosableClusterSubject } from '../../src/testing/cluster-subject.ts';
import { clusterSweepContract } from '../../src/testing/cluster-sweep-contract.ts';
import {
  brokerContract,
  presenceStoreContract,
  sessionStoreContract,
  sharedSessionsContract,
} from '../../src/testing/index.ts';
import { logTrimContract } from '../../src/testing/log-trim-contract.ts';
import { GRACE_MS, T0 } from './subjects.ts';
import { withSessions } from './with-sessions.ts';

const LEASE_MS = 30_000;
const done = async (): Promise<void> => undefined;

/** Everything that was published has been delivered: a message takes one turn. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function stoppedClock(clock: { nowMs: number }): Clock {
  return {
    nowMs: () => clock.nowMs,
    monotonicMs: () => clock.nowMs - T0,
    setTimer: () => ({ cancel: () => undefined }),
    defer: (run) => queueMicrotask(run),
  };
}

function open(directory = createMemoryDirectory(), clock = { nowMs: T0 }): [NodeStores, MemoryCluster] {
  const cluster = createMemoryCluster(() => clock.nowMs, { leaseMs: LEASE_MS, graceMs: GRACE_MS });
  const stores = cluster.join({
    node: 'n1',
    clock: stoppedClock(clock),
    stamps: createStampSource(0),
    line: createSoundLine(),
    lastSeen: directory,
  });
  return [stores, cluster];
}

brokerContract('the model of many nodes', async () => ({
  broker: open()[0].broker,
  settle: turn,
  close: done,
}));
logTrimContract('the model of many nodes', async () => ({ log: open()[0].log, reopen: null, close: done }), {
  shared: true,
});
sessionStoreContract('the model of many nodes', async () => ({
  store: open()[0].sessions,
  graceMs: GRACE_MS,
  close: done,
}));
presenceStoreContract('the model of many nodes', async (users) => {
  const directory = createMemoryDirectory();
  const clock = { nowMs: T0 };
  for (const user of users) await directory.ensureUser(user);
  const [{ presence, sessions, broker }] = open(directory, clock);
  return { store: withSessions(presence, sessions), broker, clock, settle: turn, close: done };
});

/** Several nodes over one store, in a time that the test lets pass. */
async function openMany(): Promise<LosableClusterSubject> {
  const clock = { nowMs: T0 };
  const directory = createMemoryDirectory();
  const cluster = createMemoryCluster(() => clock.nowMs, { leaseMs: LEASE_MS, graceMs: GRACE_MS });
  let nodes = 0;
  const join = (): NodeStores =>
    cluster.join({
      node: `n${++nodes}`,
      clock: stoppedClock(clock),
      stamps: createStampSource(0),
      line: createSoundLine(),
      lastSeen: directory,
    });
  const watcher = join().broker;
  const messages: PresenceMessage[] = [];
  const replaced: string[] = [];
  watcher.listen((topic, message) => {
    if (message.kind === 'presence') messages.push(message);
    if (message.kind === 'status')
      replaced.push(`${topic.slice(nodeTopic('').length)} ${message.user} ${message.device}`);
  });
  for (const user of ['alice', 'bob', 'carol', 'dave']) await watcher.subscribe(presenceTopic(user));
  return {
    graceMs: GRACE_MS,
    settleMs: 30_000,
    async start() {
      const stores = join();
      await watcher.subscribe(nodeTopic(stores.cluster.node));
      return { ...stores, nowMs: () => stores.clock.nowMs() };
    },
    async pass(ms) {
      clock.nowMs += ms;
      await turn();
    },
    async published() {
      await turn();
      return messages.splice(0);
    },
    async replaced() {
      await turn();
      return replaced.splice(0);
    },
    async lose() {
      cluster.empty();
    },
    async replace() {
      cluster.restart();
    },
    close: done,
  };
}

clusterContract('the model of many nodes', openMany);
clusterSweepContract('the model of many nodes', openMany);
clusterLossContract('the model of many nodes', openMany);
sharedSessionsContract('the model of many nodes', openMany);

describe('the model of many nodes, back as it was some time ago', () => {
  it('a node that died keeps its whole grace: what the others saw of its lease counts', async () => {
    const clock = { nowMs: T0 };
    const cluster = createMemoryCluster(() => clock.nowMs, { leaseMs: LEASE_MS, graceMs: GRACE_MS });
    const join = (node: string): NodeStores =>
      cluster.join({
        node,
        clock: stoppedClock(clock),
        stamps: createStampSource(0),
        line: createSoundLine(),
        lastSeen: createMemoryDirectory(),
      });
    const [dead, one] = [join('dead'), join('one')];
    await dead.cluster.renew();
    await one.cluster.renew();
    const older = cluster.snapshot();
    clock.nowMs += LEASE_MS - 1;
    const { nowMs } = await dead.cluster.renew();
    await one.cluster.renew();
    cluster.restart(older);
    await one.cluster.renew();
    const { leases } = await one.cluster.renew();
    expect(leases.find(({ node }) => node === 'dead')?.sweepAtMs).toBe(nowMs + LEASE_MS + GRACE_MS);
  });
});
