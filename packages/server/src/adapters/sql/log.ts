import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { LANE_LIMITS } from '../../core/channel/lane-marks.ts';
import type { DocumentStore } from '../../ports/documents.ts';
import type { Log } from '../../ports/log.ts';
import { createSqliteBuilder, textsOf } from './compile.ts';
import type { LogThreadLimits } from './log-messages.ts';
import { type LogQueueLimits, startLogQueue } from './log-queue.ts';
import { type LogReader, createLogReader } from './log-reader.ts';
import type { LogTables } from './log-tables.ts';
import { documentWrites } from './document-queries.ts';
import type { DocumentTables } from './document-tables.ts';
import { createSqliteDocuments } from './documents.ts';
import { logWrites } from './log-writes.ts';
import { orUnavailable } from './unreadable.ts';

/** How long a read waits where it must wait at all: only while the last process's log is being recovered. */
const BUSY_TIMEOUT_MS = 1_000;

export type SqliteLogLimits = LogThreadLimits & LogQueueLimits;

export const SQLITE_LOG_LIMITS: SqliteLogLimits = {
  /** Channels that had a publication. One that holds nothing any more gives way to a new one. */
  channels: 1_000_000,
  /** Idempotency ids held of one channel: one more is refused with `limit_reached`, for none may be forgotten early. */
  oncePerChannel: 500_000,
  ...LANE_LIMITS,
  /** The thread takes over 20,000 a second, so a queue of this length means a disk that does not answer. */
  waiting: 50_000,
  /** 64 MB, where they are not all ASCII. */
  waitingUnits: 32 * 1024 * 1024,
};

export type SqliteLogOptions = {
  /** The file. It and its folder are made where they do not exist. It belongs to one process at a time. */
  readonly path: string;
  /** A name that was never given before, by no process. Asked once. */
  readonly newEpoch: () => string;
  readonly limits?: Partial<SqliteLogLimits> | undefined;
  /** Told of each commit that was refused, for the log. */
  readonly onRefused?: ((detail: string) => void) | undefined;
  /** Told once if the thread ends unasked: nothing can be written any more in this process. */
  readonly onEnded?: ((reason: string) => void) | undefined;
  /** Told why every channel begins a new epoch, where the file may be an older copy; for the log. */
  readonly onRenewed?: ((reason: string) => void) | undefined;
};

export type SqliteLog = Log & {
  /** Snapshots and versions of the documents whose updates it holds, in the same file. */
  readonly documents: DocumentStore;
  /** Writes to the file and resolves when that is committed; rejects where it cannot be. */
  probe(): Promise<void>;
  /** Writes that have not been answered. */
  waiting(): number;
  /** Commits what was appended so far, and closes the file. */
  close(): Promise<void>;
};

/**
 * The log in a SQLite file of its own, for channels that are `stored`: what was acknowledged has been synced to the disk.
 *
 * @throws Error with a `code` (of SQLite, of the file system, `path_invalid` or `schema_too_new`) and one clear line
 */
export async function createSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const { path, newEpoch, onRefused, onEnded, onRenewed } = options;
  if (path === '' || path === ':memory:') {
    throw Object.assign(new Error('the log must be a file: its writer and its readers are two connections'), {
      code: 'path_invalid' as const,
    });
  }
  mkdirSync(dirname(path), { recursive: true });
  const { waiting, waitingUnits, ...threadLimits } = { ...SQLITE_LOG_LIMITS, ...options.limits };
  const texts = textsOf(logWrites(createSqliteBuilder<LogTables>()));
  const documentTexts = textsOf(documentWrites(createSqliteBuilder<DocumentTables>()));
  /** Whether something was committed since the next expiry was looked up. */
  let expiryIsOld = true;
  let expiryMs: number | null = null;
  const queue = await startLogQueue(
    { path, newEra: newEpoch(), limits: threadLimits, texts, documentTexts },
    {
      limits: { waiting, waitingUnits },
      onRefused: onRefused ?? (() => undefined),
      onEnded: onEnded ?? (() => undefined),
      onCommitted: () => void (expiryIsOld = true),
    },
  );
  let database: Database;
  let reader: LogReader;
  let documents: DocumentStore;
  try {
    database = new BetterSqlite3(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    reader = createLogReader(database, queue.era);
    documents = createSqliteDocuments(database, (asked) => queue.write(asked));
  } catch (error) {
    await queue.close();
    throw error;
  }
  if (queue.renewed !== null) onRenewed?.(queue.renewed);
  let counts = reader.counts();

  return {
    documents,
    append: (append) => queue.append(append),
    top: (channel) => orUnavailable(() => reader.top(channel)),
    read: (channel, position, retention, nowMs) =>
      orUnavailable(() => reader.read(channel, position, retention, nowMs)),
    history: (channel, query, retention, nowMs) =>
      orUnavailable(() => reader.history(channel, query, retention, nowMs)),
    entries: (channel, after, limit) => orUnavailable(() => reader.entries(channel, after, limit)),
    entry: (channel, key) => orUnavailable(() => reader.entry(channel, key)),
    expire: (nowMs, limit) => queue.expire(nowMs, limit),
    nextExpiryMs() {
      if (!expiryIsOld) return expiryMs;
      expiryMs = orLastKnown(() => reader.nextExpiryMs(), expiryMs);
      expiryIsOld = false;
      return expiryMs;
    },
    trim: (channel, upTo) => queue.trim(channel, upTo),
    // What can be read was committed; a commit that was found in the write-ahead log behind a crash is synced with the next.
    settle: () => queue.probe(),
    forget: (channel) => queue.forget(channel),
    counts: () => (counts = orLastKnown(() => reader.counts(), counts)),
    probe: () => queue.probe(),
    waiting: () => queue.waiting(),
    async close() {
      // Nothing runs out in a log that is closed.
      expiryMs = null;
      expiryIsOld = false;
      // The reader first: the last connection to close folds the write-ahead log into the file.
      database.close();
      await queue.close();
    },
  } satisfies SqliteLog;
}

/** What must be said at once, and where it cannot be read is what it was: of a closed log, or one whose disk fails. */
function orLastKnown<T>(read: () => T, known: T): T {
  try {
    return read();
  } catch {
    return known; // Whoever appends or reads hears of it.
  }
}
