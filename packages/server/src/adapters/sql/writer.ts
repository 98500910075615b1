import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { EdgeList, ImportResult } from '../../ports/directory.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { piecesOf, unpackInTurns } from './import-pieces.ts';
import type {
  Batch,
  FromThread,
  PackedImportResult,
  ThreadData,
  ToThread,
  Write,
  WriteName,
  Writes,
} from './thread-messages.ts';

/**
 * Writes that may wait for the thread, some 300 bytes each. It makes over 100,000 of them a second, so a queue of this
 * length means a disk that does not answer.
 */
export const MAX_WAITING_WRITES = 100_000;

/** Import calls that may wait, each up to 50,000 edges. */
export const MAX_WAITING_IMPORTS = 4;

/** Writes that end with less kept than before. They are taken even when others are refused, for they make room. */
const MAKES_ROOM: ReadonlySet<WriteName> = new Set([
  'dropSession',
  'dropDevice',
  'recordLastSeen',
  'erase',
  'dropEvent',
  'clearEvents',
]);

/** Writes whose caller was told "stored": they survive a power failure, not only the end of the process. */
const DURABLE: ReadonlySet<WriteName> = new Set([
  'ensureUser',
  'follow',
  'unfollow',
  'block',
  'unblock',
  'setClose',
  'erase',
  'revokeUser',
  'revokeToken',
  'keepKey',
]);

/** The main thread's end of the writer. Its promises reject with `storeUnavailable` and nothing else. */
export type Writer = {
  /** A write that gives nothing. All of a turn share one promise. */
  put<Name extends WriteName>(name: Name, ...args: Writes[Name]['args']): Promise<void>;
  ask<Name extends WriteName>(name: Name, ...args: Writes[Name]['args']): Promise<Writes[Name]['result']>;
  importEdges(edges: EdgeList, at: number, followsPerUser: number): Promise<ImportResult>;
  /** Writes that have not been answered. */
  waiting(): number;
  /** Commits what was written so far, then ends the thread. */
  close(): Promise<void>;
};

type OpenBatch = {
  readonly writes: Write[];
  readonly committed: Promise<void>;
  readonly settle: PromiseWithResolvers<void>;
  results: readonly unknown[] | null;
  durable: boolean;
};

/**
 * Starts the writer thread and migrates the database.
 *
 * @param onRefused told of each refused batch or import; for the log
 * @param onEnded told once if the thread ends unasked: from then on every write is refused, and only a new process helps
 * @throws Error with the code of SQLite or `schema_too_new` when the database cannot be opened
 */
export async function startWriter(
  data: ThreadData,
  onRefused: (detail: string) => void,
  onEnded: (reason: string) => void,
): Promise<Writer> {
  // The built program has the thread beside it under the same name.
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const worker = new Worker(new URL(`./writer-thread${extension}`, import.meta.url), {
    workerData: data,
    name: 'sqlite-writer',
  });
  const sent = new Map<number, OpenBatch>();
  const imports = new Map<number, PromiseWithResolvers<PackedImportResult>>();
  let current: OpenBatch | undefined;
  let lastBatch = 0;
  let lastImport = 0;
  let waiting = 0;
  let started = false;
  let ended: string | undefined;

  const ready = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<void>();

  function post(message: ToThread): void {
    worker.postMessage(message);
  }

  function sendCurrent(): void {
    const batch = current;
    if (batch === undefined) return;
    current = undefined;
    lastBatch++;
    sent.set(lastBatch, batch);
    post({ kind: 'batch', batch: lastBatch, durable: batch.durable, writes: batch.writes } satisfies Batch);
  }

  function openBatch(): OpenBatch {
    const settle = Promise.withResolvers<void>();
    // Everyone who wrote holds this promise or one made from it; this keeps a write that nobody awaits, such as
    // `alive`, from ending the process. `onRefused` tells the log.
    settle.promise.catch(() => undefined);
    // At the end of the turn, after the sockets that were readable in it: their writes share the commit.
    setImmediate(sendCurrent);
    return { writes: [], settle, committed: settle.promise, results: null, durable: false };
  }

  function refusal(name: WriteName): string | undefined {
    if (ended !== undefined) return ended;
    if (waiting >= MAX_WAITING_WRITES && !MAKES_ROOM.has(name))
      return `${waiting} writes wait for the database`;
    return undefined;
  }

  function add(write: Write): { readonly batch: OpenBatch; readonly index: number } {
    const batch = (current ??= openBatch());
    waiting++;
    if (DURABLE.has(write[0])) batch.durable = true;
    return { batch, index: batch.writes.push(write) - 1 };
  }

  function settleBatch(id: number, results: readonly unknown[] | null, refused: string | undefined): void {
    const batch = sent.get(id);
    if (batch === undefined) return;
    sent.delete(id);
    waiting -= batch.writes.length;
    batch.results = results;
    if (refused === undefined) batch.settle.resolve();
    else batch.settle.reject(storeUnavailable(refused));
  }

  function receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        ready.resolve();
        return;
      case 'not_ready':
        ready.reject(Object.assign(new Error(message.message), { code: message.code }));
        return;
      case 'committed':
        settleBatch(message.batch, message.results, undefined);
        return;
      case 'refused':
        onRefused(message.message);
        settleBatch(message.batch, null, message.message);
        return;
      case 'imported':
        imports.get(message.import)?.resolve(message.result);
        imports.delete(message.import);
        return;
      case 'import_refused':
        onRefused(message.message);
        imports.get(message.import)?.reject(storeUnavailable(message.message));
        imports.delete(message.import);
    }
  }

  function end(reason: string): void {
    // An end before the beginning is told by the rejection of the start, one that was asked for by nobody.
    const unasked = ended === undefined && started;
    ended ??= reason;
    sendCurrent();
    for (const id of [...sent.keys()]) settleBatch(id, null, ended);
    for (const waitingImport of imports.values()) waitingImport.reject(storeUnavailable(ended));
    imports.clear();
    ready.reject(storeUnavailable(ended));
    exited.resolve();
    if (unasked) onEnded(reason);
  }

  worker.on('message', receive);
  worker.on('error', (error) =>
    end(`the database's thread failed: ${error instanceof Error ? error.message : String(error)}`),
  );
  worker.on('exit', () => end(`the database's thread ended`));
  await ready.promise;
  started = true;

  return {
    put(name, ...args) {
      const refused = refusal(name);
      if (refused !== undefined) return Promise.reject(storeUnavailable(refused));
      return add([name, ...args] as unknown as Write).batch.committed;
    },
    async ask<Name extends WriteName>(name: Name, ...args: Writes[Name]['args']) {
      const refused = refusal(name);
      if (refused !== undefined) throw storeUnavailable(refused);
      const { batch, index } = add([name, ...args] as unknown as Write);
      await batch.committed;
      return batch.results?.[index] as Writes[Name]['result'];
    },
    async importEdges(edges, at, followsPerUser) {
      if (ended !== undefined) throw storeUnavailable(ended);
      if (imports.size >= MAX_WAITING_IMPORTS)
        throw storeUnavailable(`${imports.size} imports wait for the database`);
      const id = ++lastImport;
      const result = Promise.withResolvers<PackedImportResult>();
      // The thread may end while pieces are still being made, when nobody waits for the result yet.
      result.promise.catch(() => undefined);
      imports.set(id, result);
      let left = edges.length;
      for (const names of piecesOf(edges)) {
        if (ended !== undefined) break;
        post({ kind: 'piece', import: id, names });
        left -= names.lengths.length / 2;
        if (left > 0) await nextTurn();
      }
      if (ended === undefined) post({ kind: 'import', import: id, at, followsPerUser });
      const { changed, ...counts } = await result.promise;
      return { ...counts, changed: await unpackInTurns(changed, nextTurn) };
    },
    waiting: () => waiting,
    async close() {
      if (ended === undefined) {
        sendCurrent();
        ended = 'the database is closed';
        post({ kind: 'close' });
      }
      await exited.promise;
    },
  } satisfies Writer;
}
