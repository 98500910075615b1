import type { JournalContents } from '../../ports/journal.ts';

/** What the in-process stores take up after a restart. Loaded once and handed to both. */
export type Restart = {
  readonly contents: JournalContents;
  /** When the process took over, ms since the epoch. */
  readonly nowMs: number;
};

/** Resolves once every write is durable; without writes, at once. */
export async function settled(writes: readonly Promise<void>[]): Promise<void> {
  await Promise.all(writes);
}
