import * as Y from 'yjs';
import type { DocumentParts } from '../../ports/document-engine.ts';
import { authorsOf } from './authors.ts';
import { compareDocuments } from './compare-documents.ts';
import { editDocument } from './edit-document.ts';
import { inspectUpdate } from './inspect.ts';
import type { Asked, Done, JobName } from './jobs.ts';
import { restoreTo } from './restore.ts';
import type { Transients } from './transients.ts';
import { rootsOf } from './tree.ts';
import { jsonOf } from './tree-json.ts';
import { decodeVector } from './vector.ts';

type Handlers = {
  readonly [Name in JobName]: (asked: Asked<Name>, transients: Transients) => Done<Name>;
};

const handlers: Handlers = {
  compact: ({ parts }, transients) =>
    transients.use(parts, (doc) => ({
      ok: true,
      state: Y.encodeStateAsUpdate(doc),
      vector: Y.decodeStateVector(Y.encodeStateVector(doc)),
    })),
  diffUpdate({ parts, vector }, transients) {
    if (decodeVector(vector) === undefined) return { ok: false, detail: 'the state vector is none' };
    // Of a snapshot alone no document is needed: half the time, and many join at once.
    if (parts.state !== null && parts.tail.length === 0 && inspectUpdate(parts.state).ok)
      return { ok: true, update: Y.diffUpdate(parts.state, vector) };
    return transients.use(parts, (doc) => ({ ok: true, update: Y.encodeStateAsUpdate(doc, vector) }));
  },
  prune: ({ parts, update }, transients) =>
    changed(parts, transients, (doc) => {
      Y.applyUpdate(doc, update);
      return undefined;
    }),
  restore: ({ parts, target, client }, transients) =>
    transients.use({ state: target, tail: [] }, (wanted) =>
      changed(parts, transients, (doc) => {
        doc.clientID = client;
        restoreTo(doc, wanted);
        return undefined;
      }),
    ),
  edit: ({ parts, edits, client }, transients) =>
    changed(parts, transients, (doc) => {
      doc.clientID = client;
      return editDocument(doc, edits);
    }),
  compare: ({ before, after }, transients) =>
    transients.use(before, (old) =>
      transients.use(after, (now) => ({ ok: true, diff: compareDocuments(old, now) })),
    ),
  json: ({ parts }, transients) =>
    transients.use(parts, (doc) => ({
      ok: true,
      json: Object.fromEntries([...rootsOf(doc)].map(([name, tree]) => [name, jsonOf(tree)])),
    })),
  authors: ({ parts }, transients) => transients.use(parts, (doc) => ({ ok: true, roots: authorsOf(doc) })),
};

/**
 * What a change of a document adds to it, as one update; null: nothing.
 *
 * @param change returns why it cannot be made
 */
function changed(
  parts: DocumentParts,
  transients: Transients,
  change: (doc: Y.Doc) => string | undefined,
): Done<'prune'> {
  return transients.use(parts, (doc) => {
    const updates: Uint8Array[] = [];
    doc.on('update', (made: Uint8Array) => updates.push(made));
    const problem = change(doc);
    if (problem !== undefined) return { ok: false, detail: problem };
    if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null)
      return { ok: false, detail: 'the update builds on what is not there' };
    const [first] = updates;
    if (first === undefined) return { ok: true, update: null };
    return { ok: true, update: updates.length === 1 ? first : Y.mergeUpdates(updates) };
  });
}

/** Does a job in this thread. What Yjs fails over is refused: it is the caller's bytes. */
export function runJob<Name extends JobName>(
  name: Name,
  asked: Asked<Name>,
  transients: Transients,
): Done<Name> {
  const handler: (asked: Asked<Name>, transients: Transients) => Done<Name> = handlers[name];
  return handler(asked, transients);
}
