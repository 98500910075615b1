import * as z from 'zod';
import { task, taskId } from '../contract.ts';

const common = {
  /** Names the event: whoever gets it twice knows it again. */
  id: z.uuid(),
  userId: z.string().min(1),
  /** The `Idempotency-Key` of the request that caused it; null where there was none. */
  mutationId: z.string().nullable(),
  version: z.int().min(1),
  /** When it was committed, ms since the epoch. */
  at: z.int(),
};

/** What the backend publishes of each change. */
export const taskEvent = z.discriminatedUnion('type', [
  z.object({ ...common, type: z.literal('task.changed'), task }),
  z.object({ ...common, type: z.literal('task.deleted'), task: z.object({ id: taskId }) }),
]);

export type TaskEvent = z.infer<typeof taskEvent>;
