import * as Y from 'yjs';
import type { DocumentEdit } from '../../ports/document-engine.ts';
import { kindOf, rootOf, type TreeKind } from './tree.ts';

/** What an edit is made in. */
const KINDS: Readonly<Record<DocumentEdit['op'], TreeKind>> = {
  insert: 'text',
  delete: 'text',
  set: 'map',
  unset: 'map',
  push: 'array',
};

/** Makes the edits one after the other, as one change. @returns why one does not fit the document; then nothing of them counts */
export function editDocument(doc: Y.Doc, edits: readonly DocumentEdit[]): string | undefined {
  let problem: string | undefined;
  doc.transact(() => {
    for (const [index, edit] of edits.entries()) {
      problem = editOne(doc, edit);
      if (problem === undefined) continue;
      problem = `edit ${index + 1}: ${problem}`;
      return;
    }
  });
  return problem;
}

function editOne(doc: Y.Doc, edit: DocumentEdit): string | undefined {
  const kind = kindOf(rootOf(doc, edit.at));
  // Entries are taken out as characters are.
  const wanted = edit.op === 'delete' && kind === 'array' ? 'array' : KINDS[edit.op];
  // What is empty becomes what it is used as.
  if (kind !== 'unknown' && kind !== wanted) return `"${edit.at}" is ${kind}, not ${wanted}`;
  switch (edit.op) {
    case 'insert': {
      const text = doc.getText(edit.at);
      if (edit.index < 0 || edit.index > text.length) return `"${edit.at}" has ${text.length} characters`;
      if (edit.text !== '') text.insert(edit.index, edit.text);
      return undefined;
    }
    case 'delete': {
      const list = wanted === 'array' ? doc.getArray(edit.at) : doc.getText(edit.at);
      if (edit.index < 0 || edit.index + edit.length > list.length)
        return `"${edit.at}" has ${list.length} ${wanted === 'array' ? 'entries' : 'characters'}`;
      if (edit.length > 0) list.delete(edit.index, edit.length);
      return undefined;
    }
    case 'set':
      doc.getMap(edit.at).set(edit.key, edit.value);
      return undefined;
    case 'unset':
      doc.getMap(edit.at).delete(edit.key);
      return undefined;
    case 'push':
      if (edit.values.length > 0) doc.getArray(edit.at).push([...edit.values]);
      return undefined;
  }
}
