import { createMemoryBroker } from '../adapters/memory/broker.ts';
import { createMemoryLog } from '../adapters/memory/log.ts';
import { createMemoryPresence } from '../adapters/memory/presence.ts';
import { createMemorySessions } from '../adapters/memory/sessions.ts';
import { createSqliteDirectory } from '../adapters/sql/directory.ts';
import { createSqliteJournal } from '../adapters/sql/journal.ts';
import { createSqliteLog, type SqliteLog } from '../adapters/sql/log.ts';
import { createSqliteEventStore } from '../adapters/sql/event-store.ts';
import { createSqliteRevocations } from '../adapters/sql/revocations.ts';
import { keptServerKey } from '../adapters/sql/server-key.ts';
import { openSqlite, type Sqlite } from '../adapters/sql/sqlite.ts';
import { createStampSource } from '../core/presence/stamp.ts';
import type { WebhookConfig } from '../config/webhook-settings.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { NodePorts } from '../runtime/node-options.ts';
import { createSteadyTime } from '../runtime/steady-time.ts';
import { tellingBroker } from '../webhooks/presence-events.ts';
import { lockDatabase, reasonOf } from './database-lock.ts';
import { StartError } from './start-error.ts';
import { openWebhooks, UNHEARD } from './webhooks.ts';

/** How often a node notes that it lives. A crash costs the sessions in their grace at most this much of it. */
const ALIVE_INTERVAL_MS = 1_000;

/** The name of the server's own secret among those that it keeps. */
const OWN_SECRET = 'grants';

export type StoreOptions = {
  readonly databasePath: string;
  readonly graceMs: number;
  /** Whether the contract has channels whose history is stored: only then there is a file for it. */
  readonly storesChannels: boolean;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly secrets: Pick<Secrets, 'token' | 'id' | 'fraction'>;
  /** Who is told what happens; null: nobody. */
  readonly webhooks: WebhookConfig | null;
  /** Told once if nothing can be stored any more, whatever is tried, until the process is started again. */
  readonly onFailed: (reason: string) => void;
};

export type Stores = Pick<
  NodePorts,
  | 'sessions'
  | 'presence'
  | 'directory'
  | 'broker'
  | 'logs'
  | 'revocations'
  | 'events'
  | 'cluster'
  | 'stamps'
  | 'seen'
  | 'steadyMs'
> & {
  /** A secret of the server's own, the same after every restart. */
  readonly ownSecret: string;
  /**
   * From here on the process notes that it lives. Called once what an earlier life left has been taken up, whose times
   * are measured from its own last sign of life. What happened is delivered from here on.
   */
  beginLife(): void;
  /** Writes to the database and resolves when that is committed; rejects where it cannot be. */
  probe(): Promise<void>;
  /** Commits what was written and closes the file. */
  close(): Promise<void>;
};

/**
 * What a single node keeps: everything in its memory, journalled to SQLite, and the directory in SQLite.
 *
 * @throws StartError where the file cannot be opened, or another process has it
 */
export async function openStores({
  databasePath,
  graceMs,
  storesChannels,
  clock,
  telemetry,
  secrets,
  webhooks: webhookConfig,
  onFailed,
}: StoreOptions): Promise<Stores> {
  const lock = lockDatabase(databasePath);
  let database: Sqlite | undefined;
  let ownSecret: string;
  try {
    database = await openSqlite({
      path: databasePath,
      onRefused: (detail) => telemetry.warn('write_refused', { detail }),
      onEnded: onFailed,
    });
    ownSecret = await keptServerKey(database, OWN_SECRET, () => secrets.token() + secrets.token());
  } catch (error) {
    await database?.close();
    lock.release();
    throw new StartError(`CARILLON_DATABASE_URL: ${databasePath} cannot be opened: ${reasonOf(error)}`);
  }
  const journal = createSqliteJournal(database);
  const directory = createSqliteDirectory(database);
  const contents = await journal.load();
  const nowMs = clock.nowMs();
  const steadyMs = createSteadyTime(clock, contents.aliveAtMs);
  const stamps = createStampSource(contents.stamp);
  const broker = createMemoryBroker();
  const sessions = createMemorySessions({ journal, graceMs, restart: { contents, nowMs: steadyMs() } });
  const webhooks = await openWebhooks(createSqliteEventStore(database), {
    config: webhookConfig,
    graceMs,
    clock,
    secrets,
    telemetry,
  });
  const presence = createMemoryPresence({
    broker: webhooks === null ? broker : tellingBroker(broker, webhooks, () => clock.nowMs()),
    journal,
    lastSeen: directory,
    stamps,
    nowMs: () => clock.nowMs(),
    restart: { contents, nowMs },
  });

  const memoryLog = createMemoryLog({ newEpoch: () => newEpoch(secrets) });
  let storedLog: SqliteLog | null = null;
  if (storesChannels) {
    try {
      storedLog = await createSqliteLog({
        path: logPath(databasePath),
        newEpoch: () => newEpoch(secrets),
        onRefused: (detail) => telemetry.warn('append_refused', { detail }),
        onEnded: onFailed,
        onRenewed: (reason) => telemetry.warn('log_renewed', { reason }),
      });
    } catch (error) {
      await database.close();
      lock.release();
      throw new StartError(
        `CARILLON_DATABASE_URL: ${logPath(databasePath)}, the history of channels beside the database, cannot be opened: ${reasonOf(error)}`,
      );
    }
  }

  let beat: Timer | undefined;
  function noteAlive(): void {
    journal.alive(steadyMs(), stamps.last(), clock.nowMs());
    beat = clock.setTimer(ALIVE_INTERVAL_MS, noteAlive);
  }

  return {
    sessions,
    presence,
    directory,
    broker,
    // Without stored channels nothing is ever asked of the second.
    logs: { memory: memoryLog, stored: storedLog ?? memoryLog },
    revocations: createSqliteRevocations(database, () => clock.nowMs()),
    events: webhooks ?? UNHEARD,
    ownSecret,
    cluster: null,
    stamps,
    seen: () => stamps.next(clock.nowMs()),
    steadyMs,
    beginLife() {
      noteAlive();
      void webhooks?.start(presence);
    },
    async probe() {
      await database.writer.put('alive', steadyMs(), stamps.last(), clock.nowMs());
      await storedLog?.probe();
    },
    async close() {
      // What it learns of its last deliveries is still written.
      await webhooks?.close();
      if (beat !== undefined) journal.alive(steadyMs(), stamps.last(), clock.nowMs());
      beat?.cancel();
      await storedLog?.close();
      await database.close();
      lock.release();
    },
  };
}

/** Where the history of stored channels lies: in a file of its own, so that its commits wait for no others. */
function logPath(databasePath: string): string {
  return databasePath.endsWith('.sqlite')
    ? `${databasePath.slice(0, -'.sqlite'.length)}.log.sqlite`
    : `${databasePath}.log`;
}

/** 72 random bits: short, for it stands in every reply, and never given twice. */
const EPOCH_LENGTH = 12;

function newEpoch(secrets: Pick<Secrets, 'token'>): string {
  return secrets.token().slice(0, EPOCH_LENGTH);
}
