import type { Role } from '@carillon/protocol';
import { createHash } from 'node:crypto';
import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createMemoryLog } from '../../src/adapters/memory/log.ts';
import { createMemoryRevocations } from '../../src/adapters/memory/revocations.ts';
import { createMemoryJournal } from '../../src/adapters/memory/journal.ts';
import { createMemoryMembers } from '../../src/adapters/memory/members.ts';
import { createMemoryPresence } from '../../src/adapters/memory/presence.ts';
import { createMemorySessions } from '../../src/adapters/memory/sessions.ts';
import { DEFAULT_FIELDS } from '../../src/core/presence/fields.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import { OPEN_AUDIENCE } from '../../src/core/presence/visibility.ts';
import type { Authenticator } from '../../src/ports/auth.ts';
import type { Directory } from '../../src/ports/directory.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { Secrets } from '../../src/ports/secrets.ts';
import type { Connection, Link } from '../../src/ports/transport.ts';
import { createNode } from '../../src/runtime/node.ts';
import type { RealtimeNode } from '../../src/runtime/node-api.ts';
import { createSteadyTime } from '../../src/runtime/steady-time.ts';
import { DEFAULT_SETTINGS, type NodePorts, type NodeSettings } from '../../src/runtime/node-options.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';
import { plainTickets } from '../../src/adapters/memory/tickets.ts';
import { type VirtualClock, createVirtualClock } from './virtual-clock.ts';

/** A message as it stands in a frame. */
export type Wire = { readonly t: string; readonly [field: string]: unknown };

/** A client that knows only frames. */
export type BareClient = {
  /** Every message received, oldest first. */
  readonly received: Wire[];
  readonly writes: number;
  closeCode: number | null;
  send(message: object | string): void;
  /** Messages since the last call. */
  take(): Wire[];
  last(type: string): Wire | undefined;
  /** The line drops: the server learns of it, no close frame was exchanged. */
  drop(): void;
  /** Stops reading: the next write stays unfinished until `read`. */
  stall(): void;
  read(): void;
};

export type Harness = {
  readonly clock: VirtualClock;
  readonly directory: Directory;
  readonly journal: Journal;
  node: RealtimeNode;
  readonly warnings: string[];
  connect(): BareClient;
  logIn(user: string, extra?: object): Promise<BareClient>;
  /** Throws the node away as `kill -9` does, and starts another over the same journal and directory. */
  crash(downMs: number): Promise<void>;
};

export type HarnessOptions = {
  /** Of several nodes that live in one time; unless given, its own. */
  readonly clock?: VirtualClock;
  readonly settings?: Partial<NodeSettings>;
  readonly ports?: (ports: NodePorts) => Partial<NodePorts>;
  readonly follows?: readonly (readonly [string, string])[];
};

export async function createHarness(options: HarnessOptions = {}): Promise<Harness> {
  const clock = options.clock ?? createVirtualClock();
  const directory = createMemoryDirectory();
  const journal = createMemoryJournal();
  const warnings: string[] = [];
  let connections = 0;
  let life = 0;
  // What is stored outlives the node, as the directory and the journal do.
  const storedLog = createMemoryLog({ newEpoch: () => 'stored' });

  async function start(): Promise<RealtimeNode> {
    const contents = await journal.load();
    const stamps = createStampSource(contents.stamp);
    const broker = createMemoryBroker();
    const steadyMs = createSteadyTime(clock, contents.aliveAtMs);
    const restart = { contents, nowMs: steadyMs() };
    const graceMs = options.settings?.graceMs ?? DEFAULT_SETTINGS.graceMs;
    const ports: NodePorts = {
      clock,
      secrets: countingSecrets(++life),
      auth: trustingAuth,
      sessions: createMemorySessions({ journal, graceMs, restart }),
      presence: createMemoryPresence({
        broker,
        journal,
        lastSeen: directory,
        stamps,
        nowMs: () => clock.nowMs(),
        restart,
      }),
      members: createMemoryMembers(broker),
      directory,
      broker,
      ...channelPorts(clock, `epoch-${life}`, storedLog),
      telemetry: {
        ...silentTelemetry,
        warn: (event, detail) => void warnings.push(`${event} ${JSON.stringify(detail)}`),
      },
      stamps,
      cluster: null,
      seen: () => stamps.next(clock.nowMs()),
      steadyMs,
    };
    const node = createNode({
      ports: { ...ports, ...options.ports?.(ports) },
      settings: {
        ...DEFAULT_SETTINGS,
        fields: DEFAULT_FIELDS,
        audience: OPEN_AUDIENCE,
        followsOf: null,
        ...options.settings,
      },
    });
    await node.start();
    return node;
  }

  for (const [follower, followee] of options.follows ?? []) {
    await directory.ensureUser(follower);
    await directory.ensureUser(followee);
    await directory.follow(follower, followee, 1);
  }

  const harness: Harness = {
    clock,
    directory,
    journal,
    warnings,
    node: await start(),
    connect: () => connectTo(harness.node, ++connections),
    async logIn(user, extra = {}) {
      const client = harness.connect();
      client.send({ t: 'login', username: user, token: `token of ${user}`, ...extra });
      await clock.settle();
      return client;
    },
    async crash(downMs) {
      journal.alive(clock.nowMs(), 0, clock.nowMs());
      await harness.node.stop();
      await clock.advance(downMs);
      harness.node = await start();
    },
  };
  return harness;
}

function connectTo(node: RealtimeNode, id: number): BareClient {
  const received: Wire[] = [];
  let taken = 0;
  let stalled = false;
  let writing = false;
  let writes = 0;
  const inFlight: string[] = [];
  const deliver = (texts: readonly string[]): void => {
    for (const text of texts) received.push(JSON.parse(text) as Wire);
  };
  const client: BareClient = {
    received,
    closeCode: null,
    get writes() {
      return writes;
    },
    send: (message) => link.message(typeof message === 'string' ? message : JSON.stringify(message)),
    take() {
      const fresh = received.slice(taken);
      taken = received.length;
      return fresh;
    },
    last: (type) => received.findLast((message) => message.t === type),
    drop: () => link.closed(1006),
    stall() {
      stalled = true;
    },
    read() {
      stalled = false;
      writing = false;
      deliver(inFlight.splice(0));
      link.drained();
    },
  };
  const connection: Connection = {
    transport: 'websocket',
    id,
    address: '127.0.0.1',
    get writing() {
      return writing;
    },
    write(run) {
      if (writing) throw new Error('a second write in flight');
      if (client.closeCode !== null) throw new Error('a write after the close');
      writes++;
      const texts = run.frames().map((frame) => frame.text);
      if (stalled) {
        writing = true;
        inFlight.push(...texts);
      } else deliver(texts);
      return texts.join('').length;
    },
    close(code) {
      client.closeCode ??= code;
    },
    terminate() {
      client.closeCode ??= 1006;
    },
  };
  const link: Link = node.open(connection);
  return client;
}

/** Believes that a token speaks for whom it names: `token of alice [until <ms>]`. */
const trustingAuth: Authenticator = {
  verify(token, username) {
    const match = /^token of (.+?)(?: until (\d+))?$/.exec(token);
    if (match === null)
      return Promise.resolve({ ok: false, code: 'token_invalid', detail: 'not a token of the harness' });
    if (match[1] !== username)
      return Promise.resolve({ ok: false, code: 'username_mismatch', detail: 'of another user' });
    return Promise.resolve({
      ok: true,
      principal: { user: username, expiresAtMs: match[2] === undefined ? null : Number(match[2]) },
    });
  },
};

function countingSecrets(life: number): Secrets {
  let count = 0;
  return {
    token: () => `resume-${life}-${++count}`,
    id: () => `s-${life}-${++count}`,
    hash: (token) => createHash('sha256').update(token).digest('base64url'),
    fraction: () => 0.5,
  };
}

/** What channels need, all in process: one log forgets with the node, and nothing is open that no test opens. */
function channelPorts(
  clock: VirtualClock,
  epoch: string,
  stored: Log,
): Pick<
  NodePorts,
  'documents' | 'engine' | 'logs' | 'authorizer' | 'grants' | 'tickets' | 'revocations' | 'events'
> {
  let epochs = 0;
  return {
    documents: null,
    engine: null,
    logs: {
      memory: createMemoryLog({ newEpoch: () => `${epoch}-${++epochs}` }),
      replicated: stored,
      stored,
    },
    authorizer: { decide: () => ({ allow: false, code: 'forbidden', detail: 'no rule' }) },
    grants: {
      sign: ({ user, channel, expiresAtMs, role }) => JSON.stringify([user, channel, expiresAtMs, role]),
      verify(text, user, channel, nowMs) {
        const [grantee, granted, expiresAtMs, role = null] = JSON.parse(text) as [
          string,
          string,
          number,
          (Role | null)?,
        ];
        return grantee === user && granted === channel && expiresAtMs > nowMs
          ? { ok: true, grant: { user, channel, expiresAtMs, role } }
          : { ok: false, detail: 'not this one' };
      },
    },
    tickets: plainTickets,
    revocations: createMemoryRevocations(() => clock.nowMs()),
    events: {
      userOnline() {},
      userOffline() {},
      channelOccupied() {},
      channelVacated() {},
    },
  };
}
