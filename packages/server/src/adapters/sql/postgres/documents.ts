import { partsOf, readWhole } from '../../../core/document/state-parts.ts';
import { encodeVector } from '../../../core/document/vector-text.ts';
import type { DocumentStore } from '../../../ports/documents.ts';
import { boundPart, headOf, snapshotOf, versionHeadOf, versionOf } from '../document-tables.ts';
import { toUnits } from '../log-tables.ts';
import type { PgTransaction, Postgres } from './connection.ts';
import {
  addPart,
  addVersion,
  dropDocument,
  dropParts,
  dropVersion,
  dropVersions,
  keptDocument,
  lockDocument,
  newState,
  newestVersions,
  oneVersion,
  putDocument,
  readParts,
  versionsBefore,
  wholeDocument,
} from './document-sql.ts';

/**
 * Documents in Postgres, beside the log of stored channels. Any number of nodes change them: whoever changes one waits for whoever
 * else does. What was answered is committed.
 */
export function createPostgresDocuments(postgres: Postgres): DocumentStore {
  const parts = async (state: number, from: number, limit: number): Promise<readonly Uint8Array[]> =>
    (await postgres.run(readParts, state, from, limit)).map(({ content }) => content);

  /** Runs work in a transaction that has the document for itself. Statements before its first answer share a round trip. */
  function changing<T>(channel: string, work: (within: PgTransaction) => Promise<T>): Promise<T> {
    return postgres.transaction(async (within) => {
      const [, result] = await Promise.all([within.run(lockDocument, channel), work(within)]);
      return result;
    });
  }

  return {
    async head(channel) {
      const [row] = await postgres.run(wholeDocument, channel);
      return row === undefined ? null : headOf(row);
    },
    snapshot: (channel) =>
      readWhole({ row: async () => (await postgres.run(wholeDocument, channel))[0], parts }, snapshotOf),
    put: (channel, { position, vector, owners, state }, replaces) =>
      changing(channel, async (within) => {
        const [before] = await within.run(keptDocument, channel);
        if (before?.epoch !== replaces?.epoch || before?.offset !== replaces?.offset) return false;
        const id = await addState(within, state);
        const { epoch, offset } = position;
        await Promise.all([
          within.run(putDocument, channel, epoch, offset, encodeVector(vector), owners, id, state.byteLength),
          within.run(dropParts, before === undefined ? [] : [before.state]),
        ]);
        return true;
      }),
    addVersion: (channel, { head, state }) =>
      changing(channel, async (within) => {
        const { name, atMs, by, position } = head;
        const id = toUnits(head.id);
        await dropped(within, within.run(dropVersion, channel, id));
        const { epoch, offset } = position;
        const number = await addState(within, state);
        await within.run(addVersion, channel, id, name, atMs, by, epoch, offset, number, state.byteLength);
      }),
    async versions(channel, before, limit) {
      const rows =
        before === null
          ? await postgres.run(newestVersions, channel, limit)
          : await postgres.run(versionsBefore, channel, toUnits(before), limit);
      return rows.map(versionHeadOf);
    },
    version: (channel, id) =>
      readWhole(
        { row: async () => (await postgres.run(oneVersion, channel, toUnits(id)))[0], parts },
        versionOf,
      ),
    removeVersion: (channel, id) =>
      changing(
        channel,
        async (within) => (await dropped(within, within.run(dropVersion, channel, toUnits(id)))) > 0,
      ),
    forget: (channel) =>
      changing(channel, async (within) => {
        await dropped(within, within.run(dropDocument, channel));
        await dropped(within, within.run(dropVersions, channel));
      }),
  } satisfies DocumentStore;
}

/** Writes a state, no part waiting for the one before. @returns its number */
async function addState(within: PgTransaction, state: Uint8Array): Promise<number> {
  const [row] = await within.run(newState);
  if (row === undefined) throw new Error('Postgres gives no number');
  await Promise.all(
    partsOf(state).map((content, part) => within.run(addPart, row.id, part, boundPart(content))),
  );
  return row.id;
}

/** Drops the states of rows that were dropped. @returns how many there were */
async function dropped(
  within: PgTransaction,
  rows: Promise<readonly { readonly state: number }[]>,
): Promise<number> {
  const states = (await rows).map(({ state }) => state);
  if (states.length > 0) await within.run(dropParts, states);
  return states.length;
}
