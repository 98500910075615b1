import {
  type CompiledContract,
  type Log,
  type MemoryLog,
  type RealtimeNode,
  DEFAULT_SETTINGS,
  createMemoryDirectory,
  createMemoryJournal,
  createMemoryLog,
  silentTelemetry,
} from '@carillon/server/simulation';
import { createApiCaller } from '../api/api-caller.ts';
import { judgeChannels } from '../channels/channel-judge.ts';
import { createChannelWatch } from '../channels/channel-watch.ts';
import { createTruth } from '../channels/truth.ts';
import { createFrameJudge } from '../checks/frame-judge.ts';
import type { Visibility } from '../model/audience.ts';
import { createOutages } from '../model/outages.ts';
import { createWireWatch } from '../model/wire-watch.ts';
import { CAUSE_MS, createWorldModel } from '../model/world-model.ts';
import type { Line } from '../network/line.ts';
import { createNetwork } from '../network/network.ts';
import type { Disk } from '../node/disk.ts';
import { createIssuer, createSecrets } from '../node/identity.ts';
import type { Latencies } from '../node/latencies.ts';
import type { NodeProcess } from '../node/node-process.ts';
import type { Random } from '../random.ts';
import type { RunOptions } from '../run.ts';
import { type Owner, type VirtualTime, createOwner, createVirtualTime } from '../time/virtual-time.ts';
import { createViolations } from '../violations.ts';
import { type World, type WorldParts, tapped } from '../world.ts';
import { type ClusterNode, createClusterNode } from './cluster-node.ts';
import type { NodeLine } from './node-line.ts';
import { LEASE_MS, type SharedStore, createSharedStore } from './shared-store.ts';
import { type TroubleLog, createTroubleLog } from './troubles.ts';

/** Surroundings of a run with several nodes. What asks for one node is given one that is ready. */
export type ClusterWorld = World & {
  readonly nodes: readonly ClusterNode[];
  readonly store: SharedStore;
  readonly troubles: TroubleLog;
  /** What is asked of "the" node is asked of this one; null: of any. */
  focus: ClusterNode | null;
};

export type ClusterWorldParts = {
  readonly random: Random;
  readonly users: readonly string[];
  readonly nodes: number;
  readonly latencies: Latencies;
  readonly visibility: Visibility;
  readonly conditions: WorldParts['conditions'];
  readonly heldFriends: number;
  readonly contract?: CompiledContract;
} & Pick<RunOptions, 'onWire' | 'onNote'>;

/** Machines' clocks, ms off the true time. */
const CLOCKS_OFF_MS = [0, -3_600_000, 3_600_000, -1_500, 90];

/** How often a balancer sends somebody to a node that does not take clients. */
const MISDIRECTED = 0.1;

/** Until every node that lives has put back what it holds, ms. */
const PUT_BACK_MS = 15_000;

/** What was said within this before the store forgot may be what it forgot: two snapshots, and the longest that it is gone, ms. */
const FORGOTTEN_OF_MS = 60_000;

/** Stands where a node alone has its disk: here nothing is refused. */
const NO_DISK: Disk = {
  write: (change) => change(),
  drop: (change) => change(),
  processDied: () => undefined,
  fill: () => undefined,
  calm: () => undefined,
  refusedAtMs: -Infinity,
};

export async function createClusterWorld(parts: ClusterWorldParts): Promise<ClusterWorld> {
  const { random, users, latencies, visibility } = parts;
  const owner = createOwner('world');
  const violations = createViolations(() => time.nowMs());
  const time: VirtualTime = createVirtualTime(() => violations.first !== null);
  const nowMs = (): number => time.nowMs();
  const onNote = parts.onNote === undefined ? undefined : (text: string) => parts.onNote?.(text, nowMs());
  const { graceMs } = DEFAULT_SETTINGS;
  const outages = createOutages(nowMs, LEASE_MS + 1_000);
  const model = createWorldModel(nowMs, graceMs, visibility, outages, cutSinceMs);
  const troubles = createTroubleLog(nowMs);
  const cuts = new Map<Owner, NodeLine>();
  const directory = createMemoryDirectory();
  const issuer = createIssuer(time, random.fork('issuer'), latencies.authMs);
  const farewells = random.fork('farewells');
  const balancer = random.fork('balancer');
  const watch = createWireWatch({
    model,
    time,
    owner,
    disk: {
      // What nobody acknowledges may be refused without a word while the store is not what it should be.
      get refusedAtMs() {
        return troubles.sinceMs() < nowMs() ? nowMs() : -Infinity;
      },
    },
    violations,
    judge: createFrameJudge(model, violations, () => -Infinity, troubles),
  });
  const judged = parts.contract === undefined ? watch : judgeChannels(watch, violations);
  const { onWire } = parts;
  const truth = createTruth(violations, null);
  const storedLog: Log = truth.watch(createMemoryLog({ newEpoch: () => 'stored' }));
  const store = createSharedStore(
    time,
    random.fork('store'),
    graceMs,
    noteOutage,
    // What it answers is as synchronous as what it watches.
    (epoch) => truth.watch(createMemoryLog({ newEpoch: () => epoch })) as MemoryLog,
  );

  /** Whoever is on a node that is cut off is as good as gone for the others. */
  function cutSinceMs({ life }: Line): number | null {
    if (life === null) return null;
    return cuts.get(life)?.cutSinceMs ?? null;
  }

  /** Time in which nobody can renew is nobody's absence. */
  function noteOutage(): void {
    if (store.state === 'up') troubles.ended(store);
    else troubles.began(store);
    if (store.forgotAtMs === nowMs()) {
      troubles.forgot();
      loosen();
    }
    const works = (node: ClusterNode): boolean => node.listens && node.line?.isCut === false;
    if (store.state === 'up' && nodes.some(works)) outages.ended();
    else outages.began();
    onNote?.(
      `store: ${store.state}; nodes: ${nodes.map((node) => `${node.life?.name} ${node.node ? 'ready' : 'not ready'}${node.line?.isCut === true ? ', cut' : ''}`).join('; ')}`,
    );
  }

  /**
   * The node that took a status over HTTP looks after it. When it dies another takes it over as it sweeps, which may die in its
   * turn: one that runs out meanwhile goes only then, and one that the store forgets has nobody who puts it back.
   */
  function doubtStatuses(dead: RealtimeNode): void {
    for (const lease of model.leases.values()) {
      const { nodes: askedFor, certain, expiresMs } = lease;
      if ((certain && !askedFor.has(dead)) || expiresMs.most + CAUSE_MS < nowMs()) continue;
      lease.certain = false;
      expiresMs.least = Math.min(expiresMs.least, nowMs());
      expiresMs.most = Math.max(expiresMs.most, nowMs() + troubles.lateMs);
    }
  }

  /**
   * What the store forgot, and nobody is there to put back, is lost: sessions without a connection whose home may be dead, and
   * what was said of devices that several nodes' sessions share.
   */
  function loosen(): void {
    for (const user of users) {
      const sessions = model.sessions.of(user);
      for (const session of sessions) {
        if (session.line !== null) continue;
        session.duplicated = true;
        // Where its home died, too, the one before puts it back as it was left there, with what was used of its grace.
        if (session.formerLostMs > store.forgotAtMs - graceMs)
          session.lostMs = Math.min(session.lostMs, session.formerLostMs);
        const { device } = session;
        if (device === null) continue;
        // Whoever comes anew to a device with a name may find it gone, and to any one that it says what it said before.
        if (!device.name.startsWith('#') || device.lastWriteMs > store.forgotAtMs - FORGOTTEN_OF_MS)
          model.blurred.add(user);
      }
      if (sessions.some((one) => sessions.some((other) => other !== one && other.device === one.device)))
        model.blurred.add(user);
    }
    if (nowMs() >= store.forgotAtMs + PUT_BACK_MS && !troubles.underWay) return;
    model.forgetfulUntilMs = nowMs() + 1_000;
    time.plan(1_000, owner, loosen);
  }

  const network = createNetwork({
    time,
    random: random.fork('network'),
    gate() {
      const listening = nodes.filter((node) => node.listens);
      const ready = listening.filter((node) => node.node !== null);
      const choice = ready.length === 0 || balancer.chance(MISDIRECTED) ? listening : ready;
      const chosen = choice.length === 0 ? undefined : balancer.pick(choice);
      if (chosen?.life == null) return null;
      return { life: chosen.life, open: (connection) => chosen.open(connection) };
    },
    observer:
      onWire === undefined ? judged : tapped(judged, (line, way, text) => onWire(line, way, text, nowMs())),
    violations,
    conditions: parts.conditions,
  });

  const secrets = createSecrets(random.fork('secrets'));
  const nodes: ClusterNode[] = Array.from({ length: parts.nodes }, (_, i) =>
    createClusterNode({
      name: `n${i + 1}`,
      time,
      wall: { offsetMs: random.fork(`clock ${i}`).pick(CLOCKS_OFF_MS) },
      random: random.fork(`node ${i}`),
      secrets,
      issuer,
      latencies,
      store,
      directory,
      telemetry: {
        ...silentTelemetry,
        warn: (event, detail) => onNote?.(`warn: n${i + 1}: ${event} ${JSON.stringify(detail)}`),
      },
      audience: visibility.audience,
      settings: {
        ...(parts.contract === undefined ? {} : { contract: parts.contract }),
        graceMs,
        outbox: { heldControlUnits: 1024 * 1024, heldFriends: parts.heldFriends },
      },
      storedLog: parts.contract === undefined ? null : storedLog,
      onDeath(life, how, dead) {
        const node = nodes[i] as ClusterNode;
        onNote?.(`node: ${life.name}: ${how}`);
        troubles.ended(life);
        if (dead !== null) doubtStatuses(dead);
        for (const line of network.lines())
          if (line.life === life)
            line.nodeDied(how === 'exit' ? 'reset' : farewells.pick(['flush', 'reset', 'reset', 'silence']));
        world.caller.nodeDied();
        noteOutage();
        time.plan(node.restartAfterMs, owner, () => node.start());
      },
      onLine: (life, line) => void cuts.set(life, line),
      onReady: noteOutage,
    }),
  );

  const facade: NodeProcess = {
    get node() {
      if (world.focus !== null) return world.focus.node;
      const ready = nodes.filter((node) => node.node !== null);
      return ready.length === 0 ? null : balancer.pick(ready).node;
    },
    life: null,
    draining: false,
    open: () => {
      throw new Error('connections come by the balancer');
    },
    start: () => nodes.forEach((node) => node.start()),
    crash: () => undefined,
    shutDown: () => Promise.resolve(),
  };

  const world: ClusterWorld = {
    time,
    owner,
    random,
    wall: { offsetMs: 0 },
    violations,
    model,
    network,
    process: facade,
    disk: {
      ...NO_DISK,
      // Whoever is shown offline once more, by what was forgotten, was last seen then, and nobody is told.
      get refusedAtMs() {
        return store.forgotAtMs;
      },
    },
    journal: createMemoryJournal(),
    issuer,
    caller: createApiCaller(time, () => facade, onNote),
    users,
    channels:
      parts.contract === undefined
        ? null
        : {
            watch: createChannelWatch(truth, violations),
            outboxes: null,
            logOf: (channel) => (/^(vault|ledger):/.test(channel) ? storedLog : store.cluster.shared.log.log),
          },
    standingTimers: 0,
    clients: [],
    hidden: null,
    restartAfterMs: 0,
    nodes,
    store,
    troubles,
    focus: null,
  };
  for (const user of users) await directory.ensureUser(user);
  return world;
}
