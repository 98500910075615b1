import type { Contract } from '@carillon/contract';
import { createMemoryBroker } from '../../adapters/memory/broker.ts';
import type { createMemoryDirectory } from '../../adapters/memory/directory.ts';
import { createMemoryDocuments } from '../../adapters/memory/documents.ts';
import { createMemoryLog } from '../../adapters/memory/log.ts';
import { createMemoryMembers } from '../../adapters/memory/members.ts';
import { createMemoryPresence } from '../../adapters/memory/presence.ts';
import { createMemorySessions } from '../../adapters/memory/sessions.ts';
import { plainTickets } from '../../adapters/memory/tickets.ts';
import { createRuleAuthorizer } from '../../auth/authorize/rule-authorizer.ts';
import { createHookAuthenticator } from '../../auth/hook-authenticator.ts';
import type { AuthenticateHook, ServerConfig } from '../../config.ts';
import { createStampSource } from '../../core/presence/stamp.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DocumentEngine } from '../../ports/document-engine.ts';
import type { DocumentStore } from '../../ports/documents.ts';
import type { Grants } from '../../ports/grants.ts';
import type { Journal } from '../../ports/journal.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { Secrets } from '../../ports/secrets.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { Connection, Link } from '../../ports/transport.ts';
import { createNode } from '../../runtime/node.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { createSteadyTime } from '../../runtime/steady-time.ts';
import { compileContract } from '../../server/contract/compile-contract.ts';
import { hasDocuments } from '../../server/document-engine.ts';
import { compileFeeds } from '../../server/feeds.ts';

/** How often a node notes that it lives, as the server's wiring does. */
const ALIVE_INTERVAL_MS = 1_000;

/** RFC 6455, section 7.4.1. */
const MESSAGE_TOO_BIG = 1009;

/** What outlives the process: what a server has in its files. */
export type Disk = {
  readonly journal: Journal;
  readonly directory: ReturnType<typeof createMemoryDirectory>;
  readonly storedLog: Log;
  readonly storedDocuments: DocumentStore;
  readonly revocations: Revocations;
  readonly grants: Grants;
};

export type LifeParts = {
  readonly config: ServerConfig;
  readonly authenticate: AuthenticateHook;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly telemetry: Telemetry;
  readonly disk: Disk;
  /** A name that no earlier life had. */
  readonly name: string;
};

/** One life of the server's process. */
export type Life = {
  readonly node: RealtimeNode;
  /** A client's connection. */
  open(connection: Connection): Link;
  /** As `kill -9`: nothing of it happens any more. */
  kill(): void;
};

/** In the thread of the test: jobs are done in no time. Yjs is loaded only where the contract has documents. */
async function openEngine(contract: Contract): Promise<DocumentEngine | null> {
  return hasDocuments(contract) ? (await import('../../adapters/yjs/engine.ts')).createInlineEngine() : null;
}

/** Starts the process over what is on the disk. */
export async function startLife(parts: LifeParts): Promise<Life> {
  const { config, disk, secrets, telemetry } = parts;
  let alive = true;
  const clock: Clock = {
    nowMs: () => parts.clock.nowMs(),
    monotonicMs: () => parts.clock.monotonicMs(),
    setTimer: (delayMs, fire) => parts.clock.setTimer(delayMs, () => alive && fire()),
    defer: (run) => parts.clock.defer(() => alive && run()),
  };
  const contents = await disk.journal.load();
  const nowMs = clock.nowMs();
  const steadyMs = createSteadyTime(clock, contents.aliveAtMs);
  const stamps = createStampSource(contents.stamp);
  const broker = createMemoryBroker();
  const memoryDocuments = createMemoryDocuments();
  const { graceMs } = config.node;
  let epochs = 0;

  const node = createNode({
    ports: {
      clock,
      secrets,
      auth: createHookAuthenticator({ authenticate: parts.authenticate, clock, telemetry }),
      sessions: createMemorySessions({
        journal: disk.journal,
        graceMs,
        restart: { contents, nowMs: steadyMs() },
      }),
      presence: createMemoryPresence({
        broker,
        journal: disk.journal,
        lastSeen: disk.directory,
        stamps,
        nowMs: () => clock.nowMs(),
        restart: { contents, nowMs },
      }),
      members: createMemoryMembers(broker),
      directory: disk.directory,
      broker,
      logs: {
        memory: createMemoryLog({ newEpoch: () => `${parts.name}-${++epochs}` }),
        replicated: disk.storedLog,
        stored: disk.storedLog,
      },
      documents: { memory: memoryDocuments, replicated: memoryDocuments, stored: disk.storedDocuments },
      engine: await openEngine(config.contract),
      authorizer: createRuleAuthorizer(config.authorize, clock, telemetry),
      grants: disk.grants,
      tickets: plainTickets,
      revocations: disk.revocations,
      events: { userOnline() {}, userOffline() {}, channelOccupied() {}, channelVacated() {} },
      telemetry,
      stamps,
      steadyMs,
      cluster: null,
      seen: () => stamps.next(clock.nowMs()),
    },
    settings: {
      ...config.node,
      contract: compileContract(config.contract, (where, error) =>
        telemetry.warn('schema_failed', { where, error: String(error) }),
      ),
      callHandlers: config.callHandlers,
      feeds: compileFeeds(config.feeds, (where, error) =>
        telemetry.warn('schema_failed', { where, error: String(error) }),
      ),
    },
  });
  await node.start();
  // Not before: a sign of life dates what the life before left, until that has been taken up.
  noteAlive();

  function noteAlive(): void {
    disk.journal.alive(steadyMs(), stamps.last(), clock.nowMs());
    clock.setTimer(ALIVE_INTERVAL_MS, noteAlive);
  }

  return {
    node,
    open(connection) {
      const link = node.open(connection);
      return {
        message(text) {
          if (!alive) return;
          // What the gateway refuses before the runtime hears of it.
          if (Buffer.byteLength(text) > config.limits.messageBytes)
            return connection.close(MESSAGE_TOO_BIG, 'message too big');
          link.message(text);
        },
        packed(frame) {
          if (alive) link.packed(frame);
        },
        unspoken(kind) {
          if (alive) link.unspoken(kind);
        },
        drained: () => alive && link.drained(),
        closed: (code) => alive && link.closed(code),
      };
    },
    kill() {
      alive = false;
    },
  };
}
