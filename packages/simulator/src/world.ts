import {
  type Journal,
  type NodeSettings,
  DEFAULT_SETTINGS,
  createMemoryDirectory,
  type CompiledContract,
  type Log,
  createMemoryJournal,
  createMemoryLog,
  silentTelemetry,
} from '@carillon/server/simulation';
import { type ApiCaller, createApiCaller } from './api/api-caller.ts';
import { judgeChannels } from './channels/channel-judge.ts';
import { type ChannelWatch, createChannelWatch } from './channels/channel-watch.ts';
import { type OutboxWatch, createOutboxWatch } from './channels/outbox-watch.ts';
import { createTruth } from './channels/truth.ts';
import { createFrameJudge } from './checks/frame-judge.ts';
import type { SimClient } from './clients/sim-client.ts';
import type { Visibility } from './model/audience.ts';
import { createWireWatch } from './model/wire-watch.ts';
import { type WorldModel, createWorldModel } from './model/world-model.ts';
import type { Line, LineConditions, WireObserver } from './network/line.ts';
import { type Network, createNetwork } from './network/network.ts';
import { type Disk, createDisk } from './node/disk.ts';
import { type Issuer, createIssuer, createSecrets } from './node/identity.ts';
import { type Latencies, drawMs } from './node/latencies.ts';
import { type NodeProcess, createNodeProcess } from './node/node-process.ts';
import type { Random } from './random.ts';
import type { WallClock } from './time/node-clock.ts';
import { type Owner, type VirtualTime, createOwner, createVirtualTime } from './time/virtual-time.ts';
import { type Violations, createViolations } from './violations.ts';

/** One run's surroundings: everything but what happens in it. */
export type World = {
  readonly time: VirtualTime;
  readonly owner: Owner;
  readonly random: Random;
  readonly wall: WallClock;
  readonly violations: Violations;
  readonly model: WorldModel;
  readonly network: Network;
  readonly process: NodeProcess;
  readonly disk: Disk;
  readonly journal: Journal;
  readonly issuer: Issuer;
  readonly caller: ApiCaller;
  readonly users: readonly string[];
  readonly clients: SimClient[];
  readonly hidden: Hidden | null;
  /** Null in runs that are about presence alone. */
  readonly channels: WorldChannels | null;
  /** What is planned when nobody is there: the node's own beat, which the wiring arms, and the comparing of tops. */
  readonly standingTimers: number;
  /** How long a node that died stays away. */
  restartAfterMs: number;
};

export type WorldChannels = {
  readonly watch: ChannelWatch;
  /** Null where no page has an outbox. */
  readonly outboxes: OutboxWatch | null;
  /** The log of a channel, as it is on the disk or in the present node. */
  logOf(channel: string): Log;
};

export type Hidden = { readonly user: string; readonly word: string };

export type WorldParts = {
  readonly random: Random;
  readonly users: readonly string[];
  readonly latencies: Latencies;
  readonly visibility: Visibility;
  readonly conditions: (client: string, random: Random) => LineConditions;
  /** For runs that are compared: delays are multiples of this, ms, and nothing is drawn that others would notice. */
  readonly gridMs?: number;
  /** Somebody who stays out of sight: whatever they say of their status becomes this word. */
  readonly hidden?: Hidden;
  readonly settings?: Partial<NodeSettings>;
  /** The channels of the run. */
  readonly contract?: CompiledContract;
  /** Changed friends that a slow connection is told one by one. */
  readonly heldFriends: number;
  /** How the kernel says good-bye for a process that was killed. */
  readonly farewell: (random: Random) => 'flush' | 'reset' | 'silence';
  /** Sees every frame that reaches the server or is handed to a line. */
  readonly onWire?: (line: Line, direction: 'up' | 'down', text: string) => void;
  readonly onNote?: (text: string) => void;
};

export async function createWorld(parts: WorldParts): Promise<World> {
  const { random, users, latencies, visibility, onNote, gridMs = 0, hidden = null } = parts;
  const owner = createOwner('world');
  const violations = createViolations(() => time.nowMs());
  const time: VirtualTime = createVirtualTime(() => violations.first !== null, gridMs);
  const wall: WallClock = { offsetMs: 0 };
  const { graceMs } = DEFAULT_SETTINGS;
  const model = createWorldModel(() => time.nowMs(), graceMs, visibility);
  const journal = createMemoryJournal();
  const directory = createMemoryDirectory();
  const disk = createDisk(time, random.fork('disk'), (draw) => drawMs(draw, latencies.commitMs));
  const issuer = createIssuer(time, random.fork('issuer'), latencies.authMs);
  const deaths = random.fork('deaths');

  const watch = createWireWatch({
    model,
    time,
    owner,
    disk,
    violations,
    judge: createFrameJudge(model, violations, () => disk.refusedAtMs),
  });
  const judged = parts.contract === undefined ? watch : judgeChannels(watch, violations);
  const observer: WireObserver = parts.onWire === undefined ? judged : tapped(judged, parts.onWire);

  const network = createNetwork({
    time,
    random: random.fork('network'),
    gate: () => {
      const { node, life } = process;
      return node === null || life === null ? null : { life, open: (connection) => node.open(connection) };
    },
    observer,
    violations,
    conditions: parts.conditions,
  });

  const outboxes = createOutboxWatch(violations);
  const truth = createTruth(violations, outboxes);
  const storedLog = truth.watch(createMemoryLog({ newEpoch: () => 'stored' }));
  let memoryLog: Log = storedLog;

  const process: NodeProcess = createNodeProcess({
    time,
    wall,
    random: random.fork('node'),
    secrets: createSecrets(random.fork('secrets'), gridMs === 0 ? undefined : () => 0.5),
    issuer,
    latencies,
    disk,
    journal,
    directory,
    telemetry: {
      ...silentTelemetry,
      warn: (event, detail) => onNote?.(`warn: ${event} ${JSON.stringify(detail)}`),
    },
    audience: visibility.audience,
    newLogs:
      parts.contract === undefined
        ? null
        : (life) => {
            memoryLog = truth.watch(createMemoryLog({ newEpoch: () => life }));
            return { memory: memoryLog, stored: storedLog };
          },
    settings: {
      ...(parts.contract === undefined ? {} : { contract: parts.contract }),
      graceMs,
      outbox: { heldControlUnits: 1024 * 1024, heldFriends: parts.heldFriends },
      ...parts.settings,
    },
    onDeath(how) {
      onNote?.(`node: ${how}`);
      for (const line of network.lines()) line.nodeDied(how === 'exit' ? 'reset' : parts.farewell(deaths));
      model.outages.began();
      world.caller.nodeDied();
      time.plan(world.restartAfterMs, owner, () => process.start());
    },
    onLoaded() {
      onNote?.('node: started');
      model.outages.ended();
    },
  });

  const world: World = {
    time,
    owner,
    random,
    wall,
    violations,
    model,
    network,
    process,
    disk,
    journal,
    issuer,
    caller: createApiCaller(time, () => process, onNote),
    users,
    channels:
      parts.contract === undefined
        ? null
        : {
            watch: createChannelWatch(truth, violations),
            outboxes,
            logOf: (channel) => (/^(vault|ledger):/.test(channel) ? storedLog : memoryLog),
          },
    standingTimers: parts.contract === undefined ? 1 : 2,
    clients: [],
    hidden,
    restartAfterMs: 0,
  };
  for (const user of users) await directory.ensureUser(user);
  return world;
}

/** The same, with somebody looking on. */
export function tapped(watch: WireObserver, onWire: NonNullable<WorldParts['onWire']>): WireObserver {
  return {
    arrived(line, text) {
      onWire(line, 'up', text);
      watch.arrived(line, text);
    },
    handed(line, text) {
      onWire(line, 'down', text);
      watch.handed(line, text);
    },
    ended: (line) => watch.ended(line),
  };
}
