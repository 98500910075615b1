import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { type PackedNames, packNames } from '../../ports/packed-names.ts';
import { directoryHandlers } from './directory-handlers.ts';
import { createEdgeImporter } from './import-edges.ts';
import { journalHandlers } from './journal-sql.ts';
import { keptHandlers } from './kept-writes.ts';
import { migrate } from './migrations.ts';
import { codeOf, isOfOneWrite, messageOf } from './sqlite-errors.ts';
import type {
  Batch,
  FromThread,
  RunImport,
  ThreadData,
  ToThread,
  Write,
  WriteHandlers,
} from './thread-messages.ts';

/** How long a commit waits for another process (a command-line import) that is writing to the file. */
const BUSY_TIMEOUT_MS = 5_000;

/** What is left of the write-ahead log after a checkpoint: a bulk import must not leave its size behind for ever. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * Pages in the write-ahead log, of 4 KB each, at which it is folded into the file: SQLite's own number, and that while
 * imports run. Each of their transactions changes thousands of pages, most of them the same as the one before.
 */
const CHECKPOINT_PAGES = { usual: 1_000, importing: 4_000 } as const;

/**
 * A pause in an import, as short as the kernel makes it. Where the machine has a core for the event loop, it costs a few
 * percent; where the two threads share one, the loop need not wait for the end of this thread's slice.
 */
const PAUSE_MS = 0.05;

function openDatabase(path: string): Database {
  const database = new BetterSqlite3(path, { timeout: BUSY_TIMEOUT_MS });
  database.pragma('journal_mode = WAL');
  database.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
  // What is erased is overwritten with zeros, not merely unlinked.
  database.pragma('secure_delete = ON');
  migrate(database);
  return database;
}

/** Runs writes in the order in which they come; everything that waits shares one transaction. */
function serve(port: MessagePort, database: Database, { directory }: ThreadData): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const importer = createEdgeImporter(database, directory, () => void Atomics.wait(sleeper, 0, 0, PAUSE_MS));
  const handlers: WriteHandlers = {
    ...directoryHandlers(database, directory, importer.forget),
    ...journalHandlers(database),
    ...keptHandlers(database),
  };
  const commit = createCommit(database);
  const batches: Batch[] = [];
  const imports: RunImport[] = [];
  const pieces = new Map<number, PackedNames[]>();
  let closing = false;
  let importing = false;

  function answer(message: FromThread): void {
    port.postMessage(message);
  }

  function take(message: ToThread): void {
    switch (message.kind) {
      case 'batch':
        batches.push(message);
        return;
      case 'piece': {
        const before = pieces.get(message.import);
        if (before === undefined) pieces.set(message.import, [message.names]);
        else before.push(message.names);
        return;
      }
      case 'import':
        imports.push(message);
        return;
      case 'close':
        closing = true;
    }
  }

  function runBatch({ writes }: Batch): unknown[] {
    return writes.map((write) => runWrite(handlers, write));
  }

  function commitBatches(): void {
    const waiting = batches.splice(0);
    if (waiting.length === 0) return;
    try {
      const results = commit(
        waiting.some(({ durable }) => durable),
        () => waiting.map(runBatch),
      );
      waiting.forEach(({ batch }, i) => answer({ kind: 'committed', batch, results: shortened(results[i]) }));
    } catch (cause) {
      // One turn's writes must not fail because of another's: each once more, alone. A disk that is full or locked
      // would only be waited for again.
      const again = waiting.length > 1 && isOfOneWrite(cause);
      for (const one of waiting) {
        if (again) commitAlone(one);
        else answer({ kind: 'refused', batch: one.batch, message: messageOf(cause) });
      }
    }
  }

  function commitAlone(one: Batch): void {
    try {
      const results = commit(one.durable, () => runBatch(one));
      answer({ kind: 'committed', batch: one.batch, results: shortened(results) });
    } catch (error) {
      answer({ kind: 'refused', batch: one.batch, message: messageOf(error) });
    }
  }

  function runImport({ import: id, at, followsPerUser }: RunImport): void {
    const edges = pieces.get(id) ?? [];
    pieces.delete(id);
    try {
      const result = commit(true, () => importer.importEdges(edges, at, followsPerUser));
      answer({
        kind: 'imported',
        import: id,
        result: { ...result, changed: packNames(result.changed) },
      });
    } catch (error) {
      importer.forget();
      answer({ kind: 'import_refused', import: id, message: messageOf(error) });
    }
  }

  function work(): void {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      take(next.message as ToThread);
    commitBatches();
    // One import at a time, then whatever came meanwhile: a login waits for one call's edges, not for a whole file.
    const due = imports.shift();
    if (due !== undefined) {
      setImporting(true);
      runImport(due);
      setImmediate(work);
      return;
    }
    if (pieces.size === 0) setImporting(false);
    if (closing) {
      database.close();
      port.close();
    }
  }

  /** A large import is many calls, of which the next is on its way when one is done. After the last all is as before. */
  function setImporting(now: boolean): void {
    if (now === importing) return;
    importing = now;
    database.pragma(`wal_autocheckpoint = ${now ? CHECKPOINT_PAGES.importing : CHECKPOINT_PAGES.usual}`);
    if (!now) importer.forget();
  }

  port.on('message', (message: ToThread) => {
    take(message);
    work();
  });
  answer({ kind: 'ready' });
}

function runWrite(handlers: WriteHandlers, write: Write): unknown {
  const [name, ...args] = write;
  return (handlers[name] as (...args: readonly unknown[]) => unknown)(...args);
}

/** Runs work in one transaction. `durable`: it survives a power failure when this returns, not only the process's end. */
function createCommit(database: Database): <T>(durable: boolean, work: () => T) => T {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const end = database.prepare('COMMIT');
  const undo = database.prepare('ROLLBACK');
  let level: 'NORMAL' | 'FULL' | undefined;
  return (durable, work) => {
    const wanted = durable ? 'FULL' : 'NORMAL';
    if (level !== wanted) database.pragma(`synchronous = ${wanted}`);
    level = wanted;
    begin.run();
    try {
      const result = work();
      end.run();
      return result;
    } catch (error) {
      if (database.inTransaction) undo.run();
      throw error;
    }
  };
}

/** Most writes give nothing; then nothing need be cloned back. */
function shortened(results: readonly unknown[] | undefined): readonly unknown[] | null {
  return results?.some((result) => result !== undefined) === true ? results : null;
}

if (parentPort !== null) {
  const data = workerData as ThreadData;
  try {
    serve(parentPort, openDatabase(data.path), data);
  } catch (error) {
    parentPort.postMessage({
      kind: 'not_ready',
      message: messageOf(error),
      code: codeOf(error),
    } satisfies FromThread);
    parentPort.close();
  }
}
