import type { DocumentRow, VersionRow } from '../document-tables.ts';
import { pgStatement } from './statement.ts';

/** Keeps the locks of documents apart from others of two numbers. */
const DOCUMENTS_LOCK = 27;

const DOCUMENT = 'epoch, "offset", vector, owners, state, bytes';
const VERSION = 'id, name, at_ms, by_user, epoch, "offset", state, bytes';

/** channel. Whoever changes a document waits for whoever else does, to the end of the transaction. */
export const lockDocument = pgStatement(
  'document_lock',
  `SELECT 1 FROM pg_advisory_xact_lock(${DOCUMENTS_LOCK}, hashtext($1))`,
);

/** channel */
export const keptDocument = pgStatement<{ epoch: string; offset: number; state: number }>(
  'document_kept',
  'SELECT epoch, "offset", state FROM documents WHERE channel = $1',
);

/** channel */
export const wholeDocument = pgStatement<DocumentRow>(
  'document_whole',
  `SELECT ${DOCUMENT} FROM documents WHERE channel = $1`,
);

export const newState = pgStatement<{ id: number }>(
  'document_new_state',
  `SELECT nextval('document_states') AS id`,
);

/** state, part, content */
export const addPart = pgStatement('document_add_part', 'INSERT INTO document_parts VALUES ($1, $2, $3)');

/** state, part, how many */
export const readParts = pgStatement<{ content: Buffer }>(
  'document_read_parts',
  'SELECT content FROM document_parts WHERE state = $1 AND part >= $2 ORDER BY part LIMIT $3',
);

/** states */
export const dropParts = pgStatement(
  'document_drop_parts',
  'DELETE FROM document_parts WHERE state = ANY($1::bigint[])',
);

/** channel, epoch, offset, vector, owners, state, bytes */
export const putDocument = pgStatement(
  'document_put',
  `INSERT INTO documents (channel, ${DOCUMENT}) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (channel) DO UPDATE SET epoch = excluded.epoch, "offset" = excluded."offset", vector = excluded.vector,
      owners = excluded.owners, state = excluded.state, bytes = excluded.bytes`,
);

/** channel */
export const dropDocument = pgStatement<{ state: number }>(
  'document_drop',
  'DELETE FROM documents WHERE channel = $1 RETURNING state',
);

/** channel, id, name, time, by, epoch, offset, state, bytes */
export const addVersion = pgStatement(
  'document_add_version',
  `INSERT INTO document_versions (channel, ${VERSION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

/** channel, id */
export const dropVersion = pgStatement<{ state: number }>(
  'document_drop_version',
  'DELETE FROM document_versions WHERE channel = $1 AND id = $2 RETURNING state',
);

/** channel */
export const dropVersions = pgStatement<{ state: number }>(
  'document_drop_versions',
  'DELETE FROM document_versions WHERE channel = $1 RETURNING state',
);

/** channel, how many */
export const newestVersions = pgStatement<VersionRow>(
  'document_newest_versions',
  `SELECT ${VERSION} FROM document_versions WHERE channel = $1 ORDER BY id DESC LIMIT $2`,
);

/** channel, id, how many */
export const versionsBefore = pgStatement<VersionRow>(
  'document_versions_before',
  `SELECT ${VERSION} FROM document_versions WHERE channel = $1 AND id < $2 ORDER BY id DESC LIMIT $3`,
);

/** channel, id */
export const oneVersion = pgStatement<VersionRow>(
  'document_version',
  `SELECT ${VERSION} FROM document_versions WHERE channel = $1 AND id = $2`,
);
