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

/** A part as it is bound: the same bytes, not a copy of them. */
export function boundPart({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
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
