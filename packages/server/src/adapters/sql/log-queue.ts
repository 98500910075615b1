import { Worker } from 'node:worker_threads';
import type { Append, AppendResult, Expired, Position } from '../../ports/log.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { DocumentWrite } from './document-messages.ts';
import {
  type FromLogThread,
  type LogThreadData,
  type LogWrite,
  type LogWriteResult,
  type Taken,
  type ToLogThread,
  flatten,
} from './log-messages.ts';

export type LogQueueLimits = {
  /** Writes that wait for the disk at most; one more is refused as unavailable. */
  readonly waiting: number;
  /** UTF-16 units of the payloads that wait. */
  readonly waitingUnits: number;
};

/** What waits is measured in UTF-16 units; states of documents are bytes. */
const BYTES_A_UNIT = 2;

/** The main thread's end of the log's thread. Its promises reject with `storeUnavailable` and nothing else. */
export type LogQueue = {
  readonly era: string;
  /** Why a new era began although the file has one; null: it did not. */
  readonly renewed: string | null;
  append(append: Append): Promise<AppendResult>;
  expire(nowMs: number, limit: number): Promise<readonly Expired[]>;
  trim(channel: string, upTo: Position): Promise<void>;
  forget(channel: string): Promise<void>;
  /** The buffer of its state is taken. Gives whether a snapshot was kept, or a version was there. */
  write(asked: DocumentWrite): Promise<boolean>;
  probe(): Promise<void>;
  /** Writes that have not been answered. */
  waiting(): number;
  /** Commits what was asked for so far, then ends the thread. */
  close(): Promise<void>;
};

type Waiting = {
  readonly units: number;
  /** Gives the answer to who asked. */
  answer(result: LogWriteResult): void;
  refuse(detail: string): void;
};

export type LogQueueOptions = {
  readonly limits: LogQueueLimits;
  /** Told of each batch that was refused, for the log. */
  readonly onRefused: (detail: string) => void;
  /** Told once if the thread ends unasked: from then on every write is refused, and only a new process helps. */
  readonly onEnded: (reason: string) => void;
  /** Told whenever something was committed. */
  readonly onCommitted: () => void;
};

/**
 * Starts the log's thread, which migrates the file and finds out which era it is in.
 *
 * @throws Error with the code of SQLite or `schema_too_new` when the file cannot be opened
 */
export async function startLogQueue(data: LogThreadData, options: LogQueueOptions): Promise<LogQueue> {
  const { limits, onRefused, onEnded, onCommitted } = options;
  // The built program has the thread beside it under the same name.
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const worker = new Worker(new URL(`./log-thread${extension}`, import.meta.url), {
    workerData: data,
    name: 'log-writer',
  });
  const sent = new Map<number, readonly Waiting[]>();
  let writes: LogWrite[] = [];
  let waiters: Waiting[] = [];
  let lastBatch = 0;
  let waiting = 0;
  let waitingUnits = 0;
  let started = false;
  let ended: string | undefined;

  const ready = Promise.withResolvers<{ readonly era: string; readonly renewed: string | null }>();
  const exited = Promise.withResolvers<void>();

  function post(message: ToLogThread, handedOver: readonly ArrayBuffer[] = []): void {
    worker.postMessage(message, handedOver);
  }

  function sendTurn(): void {
    if (writes.length === 0) return;
    lastBatch++;
    sent.set(lastBatch, waiters);
    post({ kind: 'batch', batch: lastBatch, writes }, writes.flatMap(statesOf));
    writes = [];
    waiters = [];
  }

  function ask<T>(write: LogWrite, units: number, answerOf: (result: LogWriteResult) => T): Promise<T> {
    if (ended !== undefined) return Promise.reject(storeUnavailable(ended));
    if (waiting >= limits.waiting || (waiting > 0 && waitingUnits + units > limits.waitingUnits))
      return Promise.reject(storeUnavailable(`${waiting} writes wait for the log`));
    // At the end of the turn, after the sockets that were readable in it: their writes share the commit.
    if (writes.length === 0) setImmediate(sendTurn);
    writes.push(write);
    waiting++;
    waitingUnits += units;
    return new Promise<T>((resolve, reject) => {
      waiters.push({
        units,
        answer: (result) => resolve(answerOf(result)),
        refuse: (detail) => reject(storeUnavailable(detail)),
      });
    });
  }

  function settle(id: number, tell: (waiter: Waiting, index: number) => void): void {
    const batch = sent.get(id);
    if (batch === undefined) return;
    sent.delete(id);
    waiting -= batch.length;
    for (const { units } of batch) waitingUnits -= units;
    batch.forEach(tell);
  }

  function give(waiter: Waiting, result: LogWriteResult): void {
    if (typeof result !== 'object' || !('refused' in result)) return waiter.answer(result);
    onRefused(result.refused);
    waiter.refuse(result.refused);
  }

  function receive(message: FromLogThread): void {
    switch (message.kind) {
      case 'ready':
        ready.resolve(message);
        return;
      case 'not_ready':
        ready.reject(Object.assign(new Error(message.message), { code: message.code }));
        return;
      case 'committed':
        onCommitted();
        settle(message.batch, (waiter, i) => give(waiter, message.results[i]));
        return;
      case 'refused':
        onRefused(message.message);
        settle(message.batch, (waiter) => waiter.refuse(message.message));
    }
  }

  function end(reason: string): void {
    // An end before the beginning is told by the rejection of the start, one that was asked for by nobody.
    const unasked = ended === undefined && started;
    const detail = (ended ??= reason);
    sendTurn();
    for (const id of [...sent.keys()]) settle(id, (waiter) => waiter.refuse(detail));
    ready.reject(storeUnavailable(detail));
    exited.resolve();
    if (unasked) onEnded(reason);
  }

  worker.on('message', receive);
  worker.on('error', (error) =>
    end(`the log's thread failed: ${error instanceof Error ? error.message : String(error)}`),
  );
  worker.on('exit', () => end(`the log's thread ended`));
  const { era, renewed } = await ready.promise;
  started = true;

  return {
    era,
    renewed,
    append: (append) =>
      ask(flatten(append), append.data?.length ?? 0, (result) => appendResultOf(append, result)),
    expire: (nowMs, limit) =>
      ask(['expire', nowMs, limit], 0, (result) => (result ?? []) as readonly Expired[]),
    trim: (channel, { epoch, offset }) => ask(['trim', channel, epoch, offset], 0, () => undefined),
    forget: (channel) => ask(['forget', channel], 0, () => undefined),
    write: (asked) =>
      ask(
        ['documents', asked],
        'state' in asked ? asked.state.byteLength / BYTES_A_UNIT : 0,
        (result) => result === true,
      ),
    probe: () => ask(['probe'], 0, () => undefined),
    waiting: () => waiting,
    async close() {
      if (ended === undefined) {
        sendTurn();
        ended = 'the log is closed';
        post({ kind: 'close' });
      }
      await exited.promise;
    },
  } satisfies LogQueue;
}

/** What is moved to the thread rather than copied. */
function statesOf(write: LogWrite): ArrayBuffer[] {
  if (write[0] !== 'documents' || !('state' in write[1])) return [];
  const { buffer } = write[1].state;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

function appendResultOf(append: Append, result: LogWriteResult): AppendResult {
  if (!isTaken(result)) return result as AppendResult;
  const [epoch, offset] = result;
  const { nowMs: atMs, by, data, key, version, ref } = append;
  return { ok: true, epoch, publication: { offset, atMs, by, data, key, version, ref } };
}

function isTaken(result: LogWriteResult): result is Taken {
  return Array.isArray(result) && typeof result[0] === 'string';
}
