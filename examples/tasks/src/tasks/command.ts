import * as z from 'zod';
import { due, priority, type Task, taskId, TITLE_LENGTH } from '../contract.ts';

/** Text that every database and every client shows as it was written. */
const title = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(TITLE_LENGTH, `has at most ${TITLE_LENGTH} characters`)
  .refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), 'holds what is no text');

/** The version that a change was made on; null: whichever there is. */
const onVersion = z.int().min(1).nullable().default(null);

/** What a request to create a task may hold. */
export const creation = z.strictObject({
  id: taskId.optional(),
  title,
  due: due.default(null),
  priority: priority.default('normal'),
});

/** What a request to change a task may hold: only what is named is changed. */
export const change = z
  .strictObject({
    title: title.optional(),
    due: due.optional(),
    priority: priority.optional(),
    done: z.boolean().optional(),
    version: onVersion,
  })
  .refine((fields) => Object.keys(fields).length > 1, 'names nothing to change');

/** What a request to delete a task may hold. */
export const deletion = z.strictObject({ version: onVersion });

/** What somebody wants of one task, checked for form. */
export type Command =
  | {
      readonly kind: 'create';
      readonly id: string;
      readonly fields: Pick<Task, 'title' | 'due' | 'priority'>;
    }
  | {
      readonly kind: 'change';
      readonly id: string;
      readonly fields: Partial<Pick<Task, 'title' | 'due' | 'priority' | 'done'>>;
      readonly version: number | null;
    }
  | { readonly kind: 'delete'; readonly id: string; readonly version: number | null };
