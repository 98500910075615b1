import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { LOG_MIGRATIONS } from './log-migrations.ts';
import { type OpenMark, doubtAbout, openMark } from './log-mark.ts';
import type { FromLogThread, LogBatch, LogThreadData, LogWriteResult, ToLogThread } from './log-messages.ts';
import { type LogStore, createLogStore } from './log-store.ts';
import { migrate } from './migrations.ts';
import { codeOf, isOfOneWrite, messageOf } from './sqlite-errors.ts';

/** How long a commit waits for another process that has the file. */
const BUSY_TIMEOUT_MS = 5_000;

/** What is left of the write-ahead log after a checkpoint. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

function openDatabase(path: string): Database {
  const database = new BetterSqlite3(path, { timeout: BUSY_TIMEOUT_MS });
  database.pragma('journal_mode = WAL');
  // Each commit is synced before it is answered: that is what `stored` says.
  database.pragma('synchronous = FULL');
  database.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
  // What aged out or was forgotten is overwritten with zeros, not merely unlinked.
  database.pragma('secure_delete = ON');
  migrate(database, LOG_MIGRATIONS);
  return database;
}

type Begun = { readonly era: string; readonly renewed: string | null; readonly mark: OpenMark };

/** Goes on with the era of the file, where it is shown that nothing of it is missing, or begins one. */
function beginEra(database: Database, { path, newEra, texts }: LogThreadData): Begun {
  const state = database.prepare<[], { era: string; commits: number }>(texts.state).get();
  if (state === undefined) throw new Error('the log has lost its state');
  const isNew = state.era === '';
  const renewed = isNew ? null : doubtAbout(path, state.era, state.commits);
  const era = isNew || renewed !== null ? newEra : state.era;
  if (era !== state.era) database.prepare<[string, number]>(texts.beginEra).run(era, state.commits);
  return { era, renewed, mark: openMark(path, era, state.commits, () => performance.now()) };
}

/** Runs writes in the order in which they come; everything that waits shares one transaction. */
function serve(port: MessagePort, database: Database, data: LogThreadData): void {
  const { era, renewed, mark } = beginEra(database, data);
  const store = createLogStore(database, data.texts, data.documentTexts, era, data.limits);
  const commit = createCommit(database, store, mark);
  let closing = false;

  function answer(message: FromLogThread): void {
    port.postMessage(message);
  }

  function commitBatches(batches: readonly LogBatch[]): void {
    if (batches.length === 0) return;
    try {
      answerAll(batches, commit(batches));
    } catch (cause) {
      // One write must not fail because of another: each once more, alone. A disk that is full or locked would only be
      // waited for again.
      if (isOfOneWrite(cause)) answerAll(batches, commitEachAlone(batches));
      else for (const { batch } of batches) answer({ kind: 'refused', batch, message: messageOf(cause) });
    }
  }

  function answerAll(batches: readonly LogBatch[], results: readonly (readonly LogWriteResult[])[]): void {
    batches.forEach(({ batch }, i) => answer({ kind: 'committed', batch, results: results[i] ?? [] }));
  }

  function commitEachAlone(batches: readonly LogBatch[]): LogWriteResult[][] {
    let refused: string | null = null;
    return batches.map(({ writes }) =>
      writes.map((write) => {
        if (refused !== null) return { refused };
        try {
          return commit([{ writes: [write] }])[0]?.[0];
        } catch (error) {
          // Now it is the disk: the others need not wait for that one by one.
          if (!isOfOneWrite(error)) refused = messageOf(error);
          return { refused: messageOf(error) };
        }
      }),
    );
  }

  port.on('message', (first: ToLogThread) => {
    const batches: LogBatch[] = [];
    for (let next: ToLogThread | undefined = first; next !== undefined; next = receive(port)) {
      if (next.kind === 'batch') batches.push(next);
      else closing = true;
    }
    commitBatches(batches);
    if (!closing) return;
    database.close();
    mark.close(store.commits());
    port.close();
  });
  answer({ kind: 'ready', era, renewed });
}

function receive(port: MessagePort): ToLogThread | undefined {
  return receiveMessageOnPort(port)?.message as ToLogThread | undefined;
}

/** Commits batches together. When it returns they are on the disk. */
function createCommit(
  database: Database,
  store: LogStore,
  mark: OpenMark,
): (batches: readonly Pick<LogBatch, 'writes'>[]) => LogWriteResult[][] {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const end = database.prepare('COMMIT');
  const undo = database.prepare('ROLLBACK');
  return (batches) => {
    try {
      begin.run();
      const results = batches.map(({ writes }) => writes.map((write) => store.run(write)));
      store.flush();
      end.run();
      // Before anybody hears of it: an older copy of the file is told by it.
      mark.note(store.commits());
      return results;
    } catch (error) {
      if (database.inTransaction) undo.run();
      store.reset();
      throw error;
    }
  };
}

if (parentPort !== null) {
  const data = workerData as LogThreadData;
  try {
    serve(parentPort, openDatabase(data.path), data);
  } catch (error) {
    parentPort.postMessage({
      kind: 'not_ready',
      message: messageOf(error),
      code: codeOf(error),
    } satisfies FromLogThread);
    parentPort.close();
  }
}
