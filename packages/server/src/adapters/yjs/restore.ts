import * as Y from 'yjs';
import { align, type Step } from './align.ts';
import { className, liveEntries, rootOf, rootsOf, type Tree, treeOf } from './tree.ts';
import { entrySignature, type Piece } from './units.ts';

/** Nothing: what a root becomes that the target does not have. */
const NOTHING: Tree = new Y.AbstractType();

/** Changes a document, as its own client id, until it holds what the target holds. What is in both stays as it is. */
export function restoreTo(doc: Y.Doc, target: Y.Doc): void {
  doc.transact((transaction) => {
    for (const name of new Set([...rootsOf(doc).keys(), ...rootsOf(target).keys()]))
      makeAlike(transaction, rootOf(doc, name), rootsOf(target).get(name) ?? NOTHING);
  });
}

function makeAlike(transaction: Y.Transaction, tree: Tree, target: Tree): void {
  makeEntriesAlike(transaction, tree, target);
  const steps = align(tree, target);
  const removed: Piece[] = [];
  /** The last clock that was passed: what is added comes behind it. */
  let behind: Y.ID | null = null;
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as Step;
    if (step.op === 'add') {
      const added = addedFrom(steps, i);
      behind = insertAll(transaction, tree, behind, added);
      i += added.length - 1;
      continue;
    }
    const { item, offset, length } = step.from;
    behind = Y.createID(item.id.client, clockOf(step.from) + length - 1);
    if (step.op === 'remove') removed.push({ item, offset, length });
    else makeItemAlike(transaction, item, step.to.item);
  }
  removeAll(transaction, removed);
}

/** Where a piece began when it was found: its item may have been split since, which leaves its beginning. */
function clockOf({ item, offset }: Piece): number {
  return item.id.clock + offset;
}

function makeItemAlike(transaction: Y.Transaction, item: Y.Item, target: Y.Item): void {
  const tree = treeOf(item);
  const targetTree = treeOf(target);
  if (tree !== undefined && targetTree !== undefined) makeAlike(transaction, tree, targetTree);
}

function addedFrom(steps: readonly Step[], first: number): Piece[] {
  const added: Piece[] = [];
  for (let i = first; i < steps.length; i++) {
    const step = steps[i];
    if (step?.op !== 'add') break;
    added.push(step.to);
  }
  return added;
}

function makeEntriesAlike(transaction: Y.Transaction, tree: Tree, target: Tree): void {
  const before = liveEntries(tree);
  const after = liveEntries(target);
  for (const [key, item] of before) if (!after.has(key)) item.delete(transaction);
  for (const [key, wanted] of after) {
    const item = before.get(key);
    if (item !== undefined && isSameType(item, wanted)) makeItemAlike(transaction, item, wanted);
    else if (item === undefined || entrySignature(item) !== entrySignature(wanted)) {
      const last = { item: wanted, offset: wanted.length - 1, length: 1 };
      insert(transaction, tree, tree._map.get(key) ?? null, null, key, copyOf(last), wanted);
    }
  }
}

function isSameType(a: Y.Item, b: Y.Item): boolean {
  const [inA, inB] = [treeOf(a), treeOf(b)];
  return inA !== undefined && inB !== undefined && className(inA) === className(inB);
}

/** @returns the last clock of what was inserted */
function insertAll(
  transaction: Y.Transaction,
  tree: Tree,
  behind: Y.ID | null,
  pieces: readonly Piece[],
): Y.ID | null {
  let left = behind === null ? null : Y.getItemCleanEnd(transaction, transaction.doc.store, behind);
  let last = behind;
  for (const { content, item } of contentsOf(pieces)) {
    const right: Y.Item | null = left === null ? tree._start : left.right;
    left = insert(transaction, tree, left, right, null, content, item);
    last = left.lastId;
  }
  return last;
}

/** Copies, those that can be one as one. */
function contentsOf(pieces: readonly Piece[]): { content: Y.Item['content']; item: Y.Item }[] {
  const contents: { content: Y.Item['content']; item: Y.Item }[] = [];
  for (const piece of pieces) {
    const content = copyOf(piece);
    const last = contents.at(-1)?.content;
    const isMerged = last?.constructor === content.constructor && last.mergeWith(content);
    if (!isMerged) contents.push({ content, item: piece.item });
  }
  return contents;
}

function copyOf({ item, offset, length }: Piece): Y.Item['content'] {
  const { content } = item;
  if (content instanceof Y.ContentString)
    return new Y.ContentString(content.str.slice(offset, offset + length));
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON)
    return new Y.ContentAny(content.arr.slice(offset, offset + length));
  // A type's is empty.
  return content.copy();
}

function insert(
  transaction: Y.Transaction,
  tree: Tree,
  left: Y.Item | null,
  right: Y.Item | null,
  key: string | null,
  content: Y.Item['content'],
  source: Y.Item,
): Y.Item {
  const { store, clientID } = transaction.doc;
  const item = new Y.Item(
    Y.createID(clientID, Y.getState(store, clientID)),
    left,
    left?.lastId ?? null,
    right,
    right?.id ?? null,
    tree,
    key,
    content,
  );
  item.integrate(transaction, 0);
  makeItemAlike(transaction, item, source);
  return item;
}

function removeAll(transaction: Y.Transaction, pieces: readonly Piece[]): void {
  const { store } = transaction.doc;
  for (const piece of pieces) {
    const { client } = piece.item.id;
    let clock = clockOf(piece);
    const end = clock + piece.length;
    while (clock < end) {
      const item = Y.getItemCleanStart(transaction, Y.createID(client, clock));
      const last = Math.min(end, item.id.clock + item.length) - 1;
      Y.getItemCleanEnd(transaction, store, Y.createID(client, last));
      clock = last + 1;
      item.delete(transaction);
    }
  }
}
