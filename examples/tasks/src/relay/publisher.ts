import type { Publish } from '../store/task-store.ts';

/** What takes events to Carillon, one way or another. */
export type Publisher = {
  readonly publish: Publish;
  close(): Promise<void>;
};
