import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { directoryHandlers } from './directory-handlers.ts';
import { readPiece } from './import-pieces.ts';
import { journalHandlers } from './journal-sql.ts';
import { migrate } from './migrations.ts';
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
  const edits = directoryHandlers(database, directory);
  const handlers: WriteHandlers = { ...edits, ...journalHandlers(database) };
  const commit = createCommit(database);
  const batches: Batch[] = [];
  const imports: RunImport[] = [];
  const pieces = new Map<number, string[][]>();
  let closing = false;

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
        if (before === undefined) pieces.set(message.import, [readPiece(message)]);
        else before.push(readPiece(message));
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
    const names = (pieces.get(id) ?? []).flat();
    pieces.delete(id);
    try {
      const result = commit(true, () => edits.importEdges(names, at, followsPerUser));
      answer({ kind: 'imported', import: id, result });
    } catch (error) {
      answer({ kind: 'import_refused', import: id, message: messageOf(error) });
    }
  }

  function work(): void {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      take(next.message as ToThread);
    commitBatches();
    // One import at a time, then whatever came meanwhile: a login waits for one call's edges, not for a whole file.
    const due = imports.shift();
    if (due !== undefined) runImport(due);
    if (imports.length > 0) setImmediate(work);
    else if (closing) {
      database.close();
      port.close();
    }
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

/** SQLite's result codes for what the next transaction would meet again: the disk, the file, another process. */
const NOT_OF_ONE_WRITE =
  /^SQLITE_(BUSY|LOCKED|FULL|IOERR|NOMEM|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|PERM)/;

/** Whether a write itself was at fault: what it would store, not the disk it would store it on. */
function isOfOneWrite(error: unknown): boolean {
  return !NOT_OF_ONE_WRITE.test(codeOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
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
