import type { Generated } from 'kysely';
import { decodeVector } from '../../core/document/vector-text.ts';
import type { DocumentHead, DocumentSnapshot, Version, VersionHead } from '../../ports/documents.ts';
import { fromUnits } from './log-tables.ts';

/** The tables of documents, in the log's file. */
export type DocumentTables = {
  document_states: { id: Generated<number>; bytes: number };
  document_parts: { state: number; part: number; content: Buffer };
  documents: DocumentRow & { channel: string };
  document_versions: VersionRow & { channel: string };
};

export type DocumentRow = {
  epoch: string;
  offset: number;
  vector: string;
  owners: string;
  state: number;
  bytes: number;
};

export type VersionRow = {
  id: Buffer;
  name: string | null;
  at_ms: number;
  by_user: string | null;
  epoch: string;
  offset: number;
  state: number;
  bytes: number;
};

/** Bytes of a part: what is read, or sent over a line, without a pause. */
export const PART_BYTES = 256 * 1024;

/** A state in parts, none of them a copy. One without content has none. */
export function partsOf(state: Uint8Array): Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0; from < state.byteLength; from += PART_BYTES) {
    const length = Math.min(PART_BYTES, state.byteLength - from);
    parts.push(Buffer.from(state.buffer, state.byteOffset + from, length));
  }
  return parts;
}

export function headOf({ epoch, offset, vector, owners, bytes }: Omit<DocumentRow, 'state'>): DocumentHead {
  return { position: { epoch, offset }, vector: decodeVector(vector), owners, bytes };
}

export function versionHeadOf(row: Omit<VersionRow, 'state'>): VersionHead {
  const { id, name, at_ms, by_user, epoch, offset, bytes } = row;
  return { id: fromUnits(id), name, atMs: at_ms, by: by_user, position: { epoch, offset }, bytes };
}

export function snapshotOf(row: DocumentRow, state: Uint8Array): DocumentSnapshot {
  const { position, vector, owners } = headOf(row);
  return { position, vector, owners, state };
}

export function versionOf(row: VersionRow, state: Uint8Array): Version {
  const { id, name, atMs, by, position } = versionHeadOf(row);
  return { head: { id, name, atMs, by, position }, state };
}
