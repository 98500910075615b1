import {
  type Audience,
  type Directory,
  type Log,
  type NodeSettings,
  type Broker,
  type NodeStores,
  type RealtimeNode,
  type Secrets,
  type Telemetry,
  DEFAULT_FIELDS,
  DEFAULT_SETTINGS,
  createNode,
  createStampSource,
} from '@carillon/server/simulation';
import { OPEN, channelPorts } from '../node/channel-ports.ts';
import { type Calls, createCalls } from '../node/calls.ts';
import type { Issuer } from '../node/identity.ts';
import type { Latencies } from '../node/latencies.ts';
import type { NodeProcess } from '../node/node-process.ts';
import type { Random } from '../random.ts';
import { type WallClock, createNodeClock } from '../time/node-clock.ts';
import { type Owner, type VirtualTime, createOwner } from '../time/virtual-time.ts';
import { createBeat } from './beat.ts';
import { type NodeLine, createNodeLine } from './node-line.ts';
import type { SharedStore } from './shared-store.ts';

/** What a gateway waits for clients that do not answer a close. */
const CLOSE_WAIT_MS = 2_100;

export type ClusterNodeParts = {
  readonly name: string;
  readonly time: VirtualTime;
  /** This machine's clock: others differ from it by as much as an hour. */
  readonly wall: WallClock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly issuer: Issuer;
  readonly latencies: Latencies;
  readonly store: SharedStore;
  readonly directory: Directory;
  readonly telemetry: Telemetry;
  readonly audience: Audience;
  readonly settings: Partial<NodeSettings>;
  /** Where stored channels are kept; null where no channel is declared. */
  readonly storedLog: Log | null;
  readonly onDeath: (life: Owner, how: 'crash' | 'exit', dead: RealtimeNode | null) => void;
  readonly onLine: (life: Owner, line: NodeLine) => void;
  readonly onReady: () => void;
};

/** One of several nodes: lives, dies, and is started again with nothing of its own. */
export type ClusterNode = NodeProcess & {
  readonly name: string;
  /** Whether anybody listens at its port. */
  readonly listens: boolean;
  /** The line of the present life. */
  readonly line: NodeLine | null;
  restartAfterMs: number;
};

export function createClusterNode(parts: ClusterNodeParts): ClusterNode {
  const { time, store } = parts;
  let life: Owner | null = null;
  let node: RealtimeNode | null = null;
  let line: NodeLine | null = null;
  let lives = 0;
  let draining = false;

  function portsOf(
    owner: Owner,
    stores: NodeStores,
    stamps: ReturnType<typeof createStampSource>,
    near: Calls,
  ) {
    const { secrets, issuer, telemetry, storedLog } = parts;
    const beat = createBeat(time, owner, line as NodeLine, () => stamps.next(stores.clock.nowMs()));
    return {
      clock: stores.clock,
      secrets,
      auth: issuer.authenticator(owner, () => stores.clock.nowMs()),
      cluster: stores.cluster,
      sessions: stores.sessions,
      presence: stores.presence,
      members: stores.members,
      directory: distantDirectory(parts.directory, near),
      broker: lossyBroker(stores.broker, store),
      telemetry,
      stamps,
      steadyMs: stores.steadyMs,
      seen: beat,
      ...channelPorts(owner.name, () => stores.clock.nowMs()),
      ...(storedLog === null
        ? {}
        : {
            logs: { memory: stores.log, replicated: stores.log, stored: distantLog(storedLog, near) },
            authorizer: OPEN,
          }),
    };
  }

  async function boot(owner: Owner): Promise<void> {
    const { wall, latencies, audience, settings } = parts;
    const random = parts.random.fork(owner.name);
    await time.sleep(random.whole(0, latencies.bootMs), owner);
    const made = createNodeLine(store, time, owner, random.fork('line'), latencies.storeRequestMs);
    line = made;
    parts.onLine(owner, made);
    const stamps = createStampSource(0);
    const clock = createNodeClock(time, owner, wall);
    const near = createCalls(
      time,
      owner,
      random.fork('directory'),
      latencies.directoryMs,
      latencies.directoryMs,
    );
    const stores = store.cluster.join({
      node: owner.name,
      clock,
      stamps,
      line: made,
      lastSeen: parts.directory,
    });
    await made.open();
    const booting = createNode({
      ports: portsOf(owner, stores, stamps, near),
      settings: { ...DEFAULT_SETTINGS, fields: DEFAULT_FIELDS, audience, followsOf: null, ...settings },
    });
    await booting.start();
    node = booting;
    parts.onReady();
  }

  function die(how: 'crash' | 'exit'): void {
    if (life === null) return;
    const dead = life;
    const gone = node;
    dead.alive = false;
    life = null;
    node = null;
    line = null;
    draining = false;
    store.cluster.shared.bus.drop(dead.name);
    parts.onDeath(dead, how, gone);
  }

  const running: ClusterNode = {
    name: parts.name,
    restartAfterMs: 0,
    get node() {
      return node?.state === 'ready' ? node : null;
    },
    get listens() {
      return node !== null;
    },
    get line() {
      return line;
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
      const born = createOwner(`${parts.name}.${++lives}`, true);
      life = born;
      boot(born).catch((error: unknown) => {
        parts.telemetry.warn('boot_failed', { error: String(error) });
        if (life === born) die('crash');
      });
    },
    crash: () => die('crash'),
    async shutDown(windowMs) {
      const owner = life;
      const stopping = node;
      if (owner === null || stopping === null || draining) return;
      draining = true;
      await stopping.drain(windowMs);
      await time.sleep(windowMs + CLOSE_WAIT_MS, owner);
      await stopping.stop();
      if (life === owner) die('exit');
    },
  };
  return running;
}

/** Another server's database: every call takes its time. */
function distantDirectory(directory: Directory, calls: Calls): Directory {
  const far = <T>(call: () => Promise<T>): Promise<T> => calls.inOrder(call);
  return {
    ensureUser: (user) => far(() => directory.ensureUser(user)),
    hasUser: (user) => far(() => directory.hasUser(user)),
    rosterOf: (viewer) => far(() => directory.rosterOf(viewer)),
    edgesAmong: (viewer, users) => far(() => directory.edgesAmong(viewer, users)),
    edge: (viewer, user) => far(() => directory.edge(viewer, user)),
    followersOf: (user) => far(() => directory.followersOf(user)),
    changesSince: (viewer, at) => far(() => directory.changesSince(viewer, at)),
    follow: (follower, followee, at, limit) => far(() => directory.follow(follower, followee, at, limit)),
    unfollow: (follower, followee, at) => far(() => directory.unfollow(follower, followee, at)),
    block: (user, other, at) => far(() => directory.block(user, other, at)),
    unblock: (user, other, at) => far(() => directory.unblock(user, other, at)),
    setClose: (user, other, close, at) => far(() => directory.setClose(user, other, close, at)),
    importEdges: (edges, at, limit) => far(() => directory.importEdges(edges, at, limit)),
    lastSeen: (users) => far(() => directory.lastSeen(users)),
    recordLastSeen: (batch) => far(() => directory.recordLastSeen(batch)),
    erase: (user, at) => far(() => directory.erase(user, at)),
    export: (user) => far(() => directory.export(user)),
  } satisfies Directory;
}

function distantLog(log: Log, calls: Calls): Log {
  const far = <T>(call: () => T | Promise<T>): Promise<T> => calls.inOrder(async () => call());
  return {
    ...log,
    append: (append) => far(() => log.append(append)),
    top: (channel) => far(() => log.top(channel)),
    read: (channel, position, retention, nowMs) => far(() => log.read(channel, position, retention, nowMs)),
    history: (channel, query, retention, nowMs) => far(() => log.history(channel, query, retention, nowMs)),
    entries: (channel, after, limit) => far(() => log.entries(channel, after, limit)),
    expire: (nowMs, limit) => far(() => log.expire(nowMs, limit)),
  };
}

/** Kinds of which some are lost without a word: for each of them the nodes have a way to find that out. */
const LOST_KINDS: readonly string[] = ['presence', 'publication', 'taken'];

function lossyBroker(broker: Broker, store: SharedStore): Broker {
  return {
    publish: (topic, message) => broker.publish(topic, message),
    subscribe: (topic) => broker.subscribe(topic),
    unsubscribe: (topic) => broker.unsubscribe(topic),
    listen(listener, ...gaps) {
      broker.listen(
        (topic, message) => {
          if (LOST_KINDS.includes(message.kind) && store.losesNext()) return;
          listener(topic, message);
        },
        ...gaps,
      );
    },
  } satisfies Broker;
}
