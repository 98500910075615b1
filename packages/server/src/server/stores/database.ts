import type { Directory } from '../../ports/directory.ts';
import type { DocumentStore } from '../../ports/documents.ts';
import type { EventStore } from '../../ports/event-store.ts';
import type { Journal } from '../../ports/journal.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';

/** What lasts, wherever it lies: SQLite or Postgres. */
export type Database = {
  /** Made once, the same for every process that uses this database. */
  readonly id: string;
  readonly directory: Directory;
  /** For a node that is alone. */
  readonly journal: Journal;
  /** `reload` reads again what is kept, for what other processes have revoked. */
  readonly revocations: Revocations & { reload(): Promise<void> };
  /** @param node whose events they are, where several share the database; '' of one that is alone */
  eventsOf(node: string): EventStore;
  /** A secret of the server's own, the same after every restart. */
  readonly ownSecret: string;
  /** The history of stored channels; null where the contract has none. */
  readonly storedLog: Log | null;
  /** Snapshots and versions of stored documents, beside that. */
  readonly storedDocuments: DocumentStore | null;
  /**
   * Writes something and resolves when that is committed; rejects where it cannot be.
   *
   * @param steadyMs by the steady time, `wallMs` by the clock: when the server was alive last, ms since the epoch
   */
  probe(steadyMs: number, stamp: number, wallMs: number): Promise<void>;
  /** Commits what was written and closes everything. */
  close(): Promise<void>;
};
