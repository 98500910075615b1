import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../ports/clock.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { Asked, Done, JobName } from './jobs.ts';
import { type FromThread, packAsked, type ToThread } from './thread-messages.ts';

export type PoolSettings = {
  /** Threads at most; each is started when there is something for it to do. */
  readonly workers: number;
  /** How long one job may take, ms. Beyond it its thread is ended. */
  readonly jobMs: number;
  /** Jobs that may wait for a thread. */
  readonly queued: number;
  /** Memory that a thread may take for objects, MiB: a document takes many times its bytes. Beyond it the thread ends. */
  readonly memoryMb: number;
};

/** Threads that do jobs. Its promises reject with `storeUnavailable` and nothing else. */
export type Pool = {
  run<Name extends JobName>(name: Name, asked: Asked<Name>): Promise<Done<Name>>;
  retained(): Promise<number>;
  /** Waiting, or being done. */
  jobs(): number;
  close(): Promise<void>;
};

type Task = {
  readonly name: JobName;
  readonly asked: Asked<JobName>;
  readonly settle: PromiseWithResolvers<unknown>;
};

type Thread = {
  readonly worker: Worker;
  readonly counts: Map<number, PromiseWithResolvers<number>>;
  task: { readonly id: number; readonly task: Task; readonly timer: Timer } | null;
};

export function createPool({ workers, jobMs, queued, memoryMb }: PoolSettings, clock: Clock): Pool {
  const threads = new Set<Thread>();
  const waiting: Task[] = [];
  const ending = new Set<Promise<unknown>>();
  let lastId = 0;
  let closed = false;

  function start(): Thread {
    // The built program has the thread beside it under the same name.
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./engine-thread${extension}`, import.meta.url), {
      name: 'documents',
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    const thread: Thread = { worker, counts: new Map(), task: null };
    threads.add(thread);
    worker.on('message', (message: FromThread) => receive(thread, message));
    // Too little memory ends it so, or Yjs that cannot be loaded.
    worker.on('error', (error) => end(thread, `a document's thread failed: ${messageOf(error)}`));
    worker.on('exit', () => end(thread, "a document's thread ended"));
    return thread;
  }

  function pump(): void {
    while (waiting.length > 0) {
      const thread = idleThread();
      const task = thread === undefined ? undefined : waiting.shift();
      if (thread === undefined || task === undefined) return;
      begin(thread, task);
    }
  }

  function idleThread(): Thread | undefined {
    for (const thread of threads) if (thread.task === null) return thread;
    return threads.size < workers ? start() : undefined;
  }

  function begin(thread: Thread, task: Task): void {
    const id = ++lastId;
    const timer = clock.setTimer(jobMs, () => end(thread, `a job took longer than ${jobMs} ms`));
    thread.task = { id, task, timer };
    // Somebody waits for it: the process stays. An idle thread keeps no process.
    thread.worker.ref();
    const { asked, moved } = packAsked(task.asked);
    thread.worker.postMessage({ kind: 'job', id, name: task.name, asked } satisfies ToThread, moved);
  }

  function receive(thread: Thread, { id, answer }: FromThread): void {
    const count = thread.counts.get(id);
    if (count !== undefined) {
      thread.counts.delete(id);
      count.resolve(answer as number);
    } else if (thread.task?.id === id) {
      const { task, timer } = thread.task;
      timer.cancel();
      thread.task = null;
      task.settle.resolve(answer);
    }
    if (thread.task === null && thread.counts.size === 0) thread.worker.unref();
    pump();
  }

  function end(thread: Thread, reason: string): void {
    if (!threads.delete(thread)) return;
    const over = thread.worker.terminate();
    ending.add(over);
    void over.finally(() => ending.delete(over));
    thread.task?.timer.cancel();
    thread.task?.task.settle.reject(storeUnavailable(reason));
    // What it held went with it.
    for (const count of thread.counts.values()) count.resolve(0);
    pump();
  }

  return {
    async run<Name extends JobName>(name: Name, asked: Asked<Name>) {
      if (closed) throw storeUnavailable('the engine of documents is closed');
      if (waiting.length >= queued)
        throw storeUnavailable(`${waiting.length} jobs on documents wait already`);
      const settle = Promise.withResolvers<unknown>();
      waiting.push({ name, asked, settle });
      pump();
      return (await settle.promise) as Done<Name>;
    },
    async retained() {
      const counts = [...threads].map((thread) => {
        const id = ++lastId;
        const count = Promise.withResolvers<number>();
        thread.counts.set(id, count);
        thread.worker.ref();
        thread.worker.postMessage({ kind: 'retained', id } satisfies ToThread);
        return count.promise;
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
    jobs() {
      let jobs = waiting.length;
      for (const { task } of threads) if (task !== null) jobs++;
      return jobs;
    },
    async close() {
      closed = true;
      for (const { settle } of waiting.splice(0))
        settle.reject(storeUnavailable('the engine of documents is closed'));
      for (const thread of threads) end(thread, 'the engine of documents is closed');
      await Promise.all(ending);
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
