import { logOnDisk, looseBroker } from '../channels/sim-logs.ts';
import { OPEN, channelPorts } from './channel-ports.ts';
import {
  type Audience,
  type Directory,
  type Journal,
  type Link,
  type Log,
  type Connection,
  type NodeSettings,
  type RealtimeNode,
  type Secrets,
  type Telemetry,
  DEFAULT_FIELDS,
  DEFAULT_SETTINGS,
  createMemoryBroker,
  createMemoryMembers,
  createMemoryPresence,
  createMemorySessions,
  createNode,
  createStampSource,
  createSteadyTime,
} from '@carillon/server/simulation';
import type { Random } from '../random.ts';
import { type WallClock, createNodeClock } from '../time/node-clock.ts';
import { type Owner, type VirtualTime, createOwner } from '../time/virtual-time.ts';
import { createCalls } from './calls.ts';
import type { Disk } from './disk.ts';
import type { Issuer } from './identity.ts';
import type { Latencies } from './latencies.ts';
import { directoryOnDisk, distantBroker, distantPresence, distantSessions, journalOnDisk } from './stores.ts';

/** How often a node notes that it lives, as the server's wiring does. */
const ALIVE_INTERVAL_MS = 1_000;

/** What a gateway waits for clients that do not answer a close. */
const CLOSE_WAIT_MS = 2_100;

export type NodeParts = {
  readonly time: VirtualTime;
  readonly wall: WallClock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly issuer: Issuer;
  readonly latencies: Latencies;
  readonly disk: Disk;
  /** What is on the disk. */
  readonly journal: Journal;
  readonly directory: Directory;
  readonly telemetry: Telemetry;
  readonly audience: Audience;
  readonly settings: Partial<NodeSettings>;
  /** The logs of one life; null where no channel is declared. */
  readonly newLogs: ((life: string) => { readonly memory: Log; readonly stored: Log }) | null;
  /** The process is gone, with its sockets. */
  readonly onDeath: (how: 'crash' | 'exit') => void;
  /** It has read what an earlier life left: from here on time counts for those who are away. */
  readonly onLoaded: () => void;
};

/** The server's process: lives, dies, is started again over the same disk. */
export type NodeProcess = {
  /** The node, where it is ready. */
  readonly node: RealtimeNode | null;
  readonly life: Owner | null;
  /** Whether it is shutting down by itself. */
  readonly draining: boolean;
  open(connection: Connection): Link;
  start(): void;
  /** As `kill -9`. */
  crash(): void;
  /** As SIGTERM; the process is gone when this resolves, unless it crashed meanwhile. */
  shutDown(windowMs: number): Promise<void>;
};

export function createNodeProcess(parts: NodeParts): NodeProcess {
  const { time, disk } = parts;
  let life: Owner | null = null;
  let node: RealtimeNode | null = null;
  let noteAlive: (() => void) | null = null;
  let lives = 0;
  let draining = false;

  async function boot(owner: Owner): Promise<void> {
    const { wall, latencies, secrets, issuer, telemetry, audience, settings } = parts;
    const random = parts.random.fork(owner.name);
    const clock = createNodeClock(time, owner, wall);
    const near = createCalls(time, owner, random.fork('disk'), latencies.directoryMs, latencies.directoryMs);
    const far = createCalls(
      time,
      owner,
      random.fork('stores'),
      latencies.storeRequestMs,
      latencies.storeReplyMs,
    );
    const journal = journalOnDisk(parts.journal, disk, near);
    const directory = directoryOnDisk(parts.directory, disk, near);
    await time.sleep(random.whole(0, latencies.bootMs), owner);
    const contents = await journal.load();
    parts.onLoaded();
    const steadyMs = createSteadyTime(clock, contents.aliveAtMs);
    const stamps = createStampSource(contents.stamp);
    const logs = parts.newLogs?.(owner.name) ?? null;
    const reliable = createMemoryBroker();
    const broker = distantBroker(
      logs === null ? reliable : looseBroker(reliable, time, owner, random.fork('publications')),
      time,
      owner,
      random.fork('broker'),
      latencies.subscribeMs,
    );
    const graceMs = settings.graceMs ?? DEFAULT_SETTINGS.graceMs;
    const sessions = createMemorySessions({ journal, graceMs, restart: { contents, nowMs: steadyMs() } });
    const presence = createMemoryPresence({
      broker,
      journal,
      lastSeen: directory,
      stamps,
      nowMs: () => clock.nowMs(),
      restart: { contents, nowMs: clock.nowMs() },
    });
    noteAlive = () => journal.alive(steadyMs(), stamps.last());
    function beat(): void {
      noteAlive?.();
      clock.setTimer(ALIVE_INTERVAL_MS, beat);
    }
    const booting = createNode({
      ports: {
        clock,
        secrets,
        auth: issuer.authenticator(owner, () => clock.nowMs()),
        sessions: distantSessions(sessions, far),
        presence: distantPresence(presence, far),
        members: createMemoryMembers(broker),
        directory,
        broker,
        telemetry,
        stamps,
        steadyMs,
        cluster: null,
        seen: () => stamps.next(clock.nowMs()),
        ...channelPorts(owner.name, () => clock.nowMs()),
        ...(logs === null
          ? {}
          : {
              logs: {
                memory: logs.memory,
                replicated: logs.memory,
                stored: logOnDisk(logs.stored, disk, near),
              },
              authorizer: OPEN,
            }),
      },
      settings: { ...DEFAULT_SETTINGS, fields: DEFAULT_FIELDS, audience, followsOf: null, ...settings },
    });
    await booting.start();
    // Not before: a sign of life dates what the life before left, until that has been taken up.
    beat();
    node = booting;
  }

  function die(how: 'crash' | 'exit'): void {
    if (life === null) return;
    life.alive = false;
    life = null;
    node = null;
    noteAlive = null;
    draining = false;
    disk.processDied();
    parts.onDeath(how);
  }

  return {
    get node() {
      return node?.state === 'ready' ? node : null;
    },
    get life() {
      return life;
    },
    get draining() {
      return draining;
    },
    open(connection) {
      if (node === null) throw new Error('a connection to a node that is not there');
      return node.open(connection);
    },
    start() {
      if (life !== null) return;
      life = createOwner(`node ${++lives}`, true);
      // A disk that refuses at the start ends the process; whoever runs it starts it again.
      boot(life).catch(() => die('crash'));
    },
    crash: () => die('crash'),
    async shutDown(windowMs) {
      const owner = life;
      const running = node;
      if (owner === null || running === null || draining) return;
      draining = true;
      await running.drain(windowMs);
      await time.sleep(CLOSE_WAIT_MS, owner);
      await running.stop();
      noteAlive?.();
      // Closing the database commits what was written before.
      await disk.drop(() => Promise.resolve()).catch(() => undefined);
      if (life === owner) die('exit');
    },
  };
}
