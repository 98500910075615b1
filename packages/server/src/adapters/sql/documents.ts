import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { readWhole } from '../../core/document/state-parts.ts';
import { encodeVector } from '../../core/document/vector-text.ts';
import type { DocumentStore } from '../../ports/documents.ts';
import { createSqliteBuilder, textsOf } from './compile.ts';
import type { DocumentWrite } from './document-messages.ts';
import { documentReads } from './document-queries.ts';
import { type DocumentTables, headOf, snapshotOf, versionHeadOf, versionOf } from './document-tables.ts';
import { toUnits } from './log-tables.ts';
import { prepareAll } from './statements.ts';
import { orUnavailable } from './unreadable.ts';

/**
 * Documents in the log's file: written by its thread, beside the appends and in their transactions, read on the main thread.
 *
 * @param write resolves once it is committed and synced
 */
export function createSqliteDocuments(
  database: Database,
  write: (asked: DocumentWrite) => Promise<boolean>,
): DocumentStore {
  const ask = prepareAll(database, textsOf(documentReads(createSqliteBuilder<DocumentTables>())));

  const parts = async (state: number, from: number, limit: number): Promise<readonly Uint8Array[]> => {
    if (from > 0) await nextTurn();
    return ask.parts.all(state, from, limit).map(({ content }) => content);
  };

  return {
    head: (channel) =>
      orUnavailable(() => {
        const row = ask.document.get(channel);
        return row === undefined ? null : headOf(row);
      }),
    snapshot: (channel) =>
      orUnavailable(() => readWhole({ row: () => ask.document.get(channel), parts }, snapshotOf)),
    put: (channel, { position, vector, owners, state }, replaces) =>
      write({
        kind: 'put',
        channel,
        ...position,
        vector: encodeVector(vector),
        owners,
        // The buffer goes to the thread, and what was given stays with its giver.
        state: new Uint8Array(state),
        replaces,
      }),
    async addVersion(channel, { head, state }) {
      const { id, name, atMs, by, position } = head;
      const copy = new Uint8Array(state);
      await write({ kind: 'addVersion', channel, id, name, atMs, by, ...position, state: copy });
    },
    versions: (channel, before, limit) =>
      orUnavailable(() => {
        const rows =
          before === null
            ? ask.newestVersions.all(channel, limit)
            : ask.versionsBefore.all(channel, toUnits(before), limit);
        return rows.map(versionHeadOf);
      }),
    version: (channel, id) =>
      orUnavailable(() => readWhole({ row: () => ask.version.get(channel, toUnits(id)), parts }, versionOf)),
    removeVersion: (channel, id) => write({ kind: 'removeVersion', channel, id }),
    async forget(channel) {
      await write({ kind: 'forget', channel });
    },
  } satisfies DocumentStore;
}
