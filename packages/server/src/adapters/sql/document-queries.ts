import type { Kysely } from 'kysely';
import { argument } from './compile.ts';
import type { DocumentTables } from './document-tables.ts';

const DOCUMENT = ['epoch', 'offset', 'vector', 'owners', 'state', 'bytes'] as const;
const VERSION = ['id', 'name', 'at_ms', 'by_user', 'epoch', 'offset', 'state', 'bytes'] as const;

/** How documents are written, on the thread's connection. The comment names the arguments of each. */
export function documentWrites(db: Kysely<DocumentTables>) {
  return {
    /** channel */
    keptDocument: db
      .selectFrom('documents')
      .select(['epoch', 'offset', 'state'])
      .where('channel', '=', argument<string>(0))
      .compile(),
    /** bytes */
    addState: db
      .insertInto('document_states')
      .values({ bytes: argument<number>(0) })
      .compile(),
    /** state, part, content */
    addPart: db
      .insertInto('document_parts')
      .values({ state: argument<number>(0), part: argument<number>(1), content: argument<Buffer>(2) })
      .compile(),
    /** state */
    dropState: db.deleteFrom('document_states').where('id', '=', argument<number>(0)).compile(),
    /** state */
    dropParts: db.deleteFrom('document_parts').where('state', '=', argument<number>(0)).compile(),
    /** channel, epoch, offset, vector, owners, state, bytes */
    putDocument: db
      .replaceInto('documents')
      .values({
        channel: argument<string>(0),
        epoch: argument<string>(1),
        offset: argument<number>(2),
        vector: argument<string>(3),
        owners: argument<string>(4),
        state: argument<number>(5),
        bytes: argument<number>(6),
      })
      .compile(),
    /** channel */
    dropDocument: db.deleteFrom('documents').where('channel', '=', argument<string>(0)).compile(),
    /** channel, id */
    keptVersion: db
      .selectFrom('document_versions')
      .select('state')
      .where('channel', '=', argument<string>(0))
      .where('id', '=', argument<Buffer>(1))
      .compile(),
    /** channel */
    keptVersions: db
      .selectFrom('document_versions')
      .select('state')
      .where('channel', '=', argument<string>(0))
      .compile(),
    /** channel, id, name, time, by, epoch, offset, state, bytes */
    putVersion: db
      .replaceInto('document_versions')
      .values({
        channel: argument<string>(0),
        id: argument<Buffer>(1),
        name: argument<string | null>(2),
        at_ms: argument<number>(3),
        by_user: argument<string | null>(4),
        epoch: argument<string>(5),
        offset: argument<number>(6),
        state: argument<number>(7),
        bytes: argument<number>(8),
      })
      .compile(),
    /** channel, id */
    dropVersion: db
      .deleteFrom('document_versions')
      .where('channel', '=', argument<string>(0))
      .where('id', '=', argument<Buffer>(1))
      .compile(),
    /** channel */
    dropVersions: db.deleteFrom('document_versions').where('channel', '=', argument<string>(0)).compile(),
  };
}

export type DocumentWrites = ReturnType<typeof documentWrites>;

/** What is asked of documents, on the connection that only reads. */
export function documentReads(db: Kysely<DocumentTables>) {
  const versions = db
    .selectFrom('document_versions')
    .select(VERSION)
    .where('channel', '=', argument<string>(0));
  return {
    /** channel */
    document: db
      .selectFrom('documents')
      .select(DOCUMENT)
      .where('channel', '=', argument<string>(0))
      .compile(),
    /** state, part, how many */
    parts: db
      .selectFrom('document_parts')
      .select('content')
      .where('state', '=', argument<number>(0))
      .where('part', '>=', argument<number>(1))
      .orderBy('part')
      .limit(argument<number>(2))
      .compile(),
    /** channel, how many */
    newestVersions: versions.orderBy('id', 'desc').limit(argument<number>(1)).compile(),
    /** channel, id, how many */
    versionsBefore: versions
      .where('id', '<', argument<Buffer>(1))
      .orderBy('id', 'desc')
      .limit(argument<number>(2))
      .compile(),
    /** channel, id */
    version: versions.where('id', '=', argument<Buffer>(1)).compile(),
  };
}
