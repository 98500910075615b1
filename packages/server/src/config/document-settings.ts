import * as z from 'zod';
import type { PoolSettings } from '../adapters/yjs/pool.ts';
import { whole } from './setting.ts';

const MINUTE = 60_000;

/** What makes documents of their updates: threads, so that nobody waits for it who only types. */
export const documentsSchema = z.strictObject({
  workers: whole(
    'Threads at most that compact, compare and change documents; each is started when there is something for it to do.',
    1,
    1,
    64,
  ),
  jobMs: whole(
    'How long one job on a document may take; beyond it its thread is ended, and the job answered `unavailable`.',
    30_000,
    100,
    60 * MINUTE,
  ),
  queued: whole(
    'Jobs on documents that may wait for a thread; more are answered `unavailable`.',
    1_000,
    1,
    1_000_000,
  ),
  workerMemoryMb: whole(
    'Memory in MiB that such a thread may take; a document takes many times its bytes while there is a job on it. Beyond it the thread is ended, and the job answered `unavailable`.',
    2_048,
    32,
    1_048_576,
  ),
});

export function toEngineSettings({
  workers,
  jobMs,
  queued,
  workerMemoryMb,
}: z.output<typeof documentsSchema>): PoolSettings {
  return { workers, jobMs, queued, memoryMb: workerMemoryMb };
}
