import * as Y from 'yjs';

/**
 * A root, or a type inside another. Items are read as they lie, not through the methods of `Y.Text` and the like: of a root that came in an
 * update nobody knows which of them it is, and what does not fit it makes those methods fail.
 */
export type Tree = Y.AbstractType<unknown>;

/** `unknown`: everything in it was deleted, or nothing ever was there. */
export type TreeKind = 'text' | 'xml' | 'map' | 'array' | 'unknown';

export function rootsOf(doc: Y.Doc): ReadonlyMap<string, Tree> {
  return doc.share as unknown as ReadonlyMap<string, Tree>;
}

export function rootOf(doc: Y.Doc, name: string): Tree {
  return doc.get(name);
}

/** What is in the sequence and not deleted, marks of formats included. */
export function liveItems(tree: Tree): Y.Item[] {
  const items: Y.Item[] = [];
  for (let item = tree._start; item !== null; item = item.right) if (!item.deleted) items.push(item);
  return items;
}

/** The entries that are not deleted, by their keys. */
export function liveEntries(tree: Tree): Map<string, Y.Item> {
  const entries = new Map<string, Y.Item>();
  for (const [key, item] of tree._map) if (!item.deleted) entries.set(key, item);
  return entries;
}

/** The type that an item is, if it is one. */
export function treeOf(item: Y.Item): Tree | undefined {
  return item.content instanceof Y.ContentType ? (item.content.type as Tree) : undefined;
}

/** What an entry of a map holds: of several values the last. */
export function lastValue({ content }: Y.Item): unknown {
  return content.getContent().at(-1) as unknown;
}

/** Which type it is, and the name of an element: two of the same can be made the same by changing what is in them. */
export function className(tree: Tree): string {
  if (tree instanceof Y.XmlElement) return `element ${tree.nodeName}`;
  if (tree instanceof Y.XmlHook) return `hook ${tree.hookName}`;
  if (tree instanceof Y.XmlText) return 'xml text';
  if (tree instanceof Y.XmlFragment) return 'fragment';
  if (tree instanceof Y.Text) return 'text';
  if (tree instanceof Y.Map) return 'map';
  if (tree instanceof Y.Array) return 'array';
  return 'root';
}

/**
 * What a type is. A root that only came in updates has no type: it is told from what is in it. A text in which nothing but
 * other types are embedded looks like XML or a list, and is taken for that; what was emptied tells nothing.
 */
export function kindOf(tree: Tree): TreeKind {
  if (tree instanceof Y.XmlFragment) return 'xml';
  if (tree instanceof Y.Text) return 'text';
  if (tree instanceof Y.Map) return 'map';
  if (tree instanceof Y.Array) return 'array';
  const ofLive = kindOfItems(liveItems(tree));
  if (ofLive !== 'unknown') return ofLive;
  if (liveEntries(tree).size > 0) return 'map';
  const deleted: Y.Item[] = [];
  for (let item = tree._start; item !== null; item = item.right) deleted.push(item);
  const ofDeleted = kindOfItems(deleted);
  return ofDeleted === 'unknown' && tree._map.size > 0 ? 'map' : ofDeleted;
}

function kindOfItems(items: readonly Y.Item[]): TreeKind {
  let kind: TreeKind = 'unknown';
  for (const { content } of items) {
    if (
      content instanceof Y.ContentString ||
      content instanceof Y.ContentFormat ||
      content instanceof Y.ContentEmbed
    )
      return 'text';
    if (content instanceof Y.ContentDeleted || kind === 'array') continue;
    kind = isXml(content) ? 'xml' : 'array';
  }
  return kind;
}

function isXml(content: Y.Item['content']): boolean {
  if (!(content instanceof Y.ContentType)) return false;
  const { type } = content;
  return type instanceof Y.XmlElement || type instanceof Y.XmlText || type instanceof Y.XmlHook;
}
