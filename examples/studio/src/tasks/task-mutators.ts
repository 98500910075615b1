import type { Task } from '@carillon/tasks/contract';

/** A change of a task that cannot be made to what is there. */
const gone = (): never => {
  throw new Error('it was deleted meanwhile');
};

/** What the page makes of each change at once; the backend makes the same of it, or says why not. */
export const taskMutators = {
  add: (
    present: Task | undefined,
    { id, title, atMs }: { readonly id: string; readonly title: string; readonly atMs: number },
  ): Task =>
    present ?? {
      ...{ id, title, due: null, priority: 'normal', done: false },
      // Before its first.
      ...{ version: 0, createdAtMs: atMs, updatedAtMs: atMs },
    },
  rename: (
    task: Task | undefined,
    { title }: { readonly title: string; readonly version: number | null },
  ): Task => (task === undefined ? gone() : { ...task, title }),
  finish: (task: Task | undefined, { done }: { readonly done: boolean }): Task =>
    task === undefined ? gone() : { ...task, done },
  remove: (): undefined => undefined,
};
