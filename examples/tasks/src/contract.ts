import { map } from '@carillon/contract';
import * as z from 'zod';

/** The most characters of a title. */
export const TITLE_LENGTH = 200;

/** A task id: clients choose it, so that a task that was made offline has its name already. */
export const taskId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, _ and -, at most 64');

export const priority = z.enum(['low', 'normal', 'high']);

/** A day of the calendar, `2026-11-21`; null: none. */
export const due = z.iso.date().nullable();

/** A task as the backend keeps it, as it stands in its answers, and on the user's channel. Times are ms since the epoch. */
export const task = z.object({
  id: taskId,
  title: z.string().min(1).max(TITLE_LENGTH),
  due,
  priority,
  done: z.boolean(),
  /** Rises with every change. */
  version: z.int().min(1),
  createdAtMs: z.int(),
  updatedAtMs: z.int(),
});

export type Task = z.infer<typeof task>;

/** How long an event is known again, ms: longer than the backend's relay, or a broker, may be down. */
const DAY_MS = 86_400_000;

/** The most tasks of one user, deleted ones not counted; the backend holds its users to it. */
export const MOST_TASKS = 1_000;

/** The channels of tasks: a map for each user, open to its owner alone, into which only the backend writes. */
export const taskChannels = {
  'tasks:{user}': map({ data: task, keys: MOST_TASKS, idempotencyMs: DAY_MS }),
};
