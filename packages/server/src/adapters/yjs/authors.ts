import * as Y from 'yjs';
import type { AuthorRun } from '../../ports/document-engine.ts';
import { liveEntries, liveItems, rootsOf, type Tree, treeOf } from './tree.ts';
import { valueText } from './tree-json.ts';

/**
 * What each client id wrote of what is there, root by root, in its order: texts as runs, values as their JSON, one each. Of what is
 * inside types the same, without the types themselves.
 */
export function authorsOf(doc: Y.Doc): Readonly<Record<string, readonly AuthorRun[]>> {
  const roots: [string, readonly AuthorRun[]][] = [];
  for (const [name, tree] of rootsOf(doc)) {
    const runs: Run[] = [];
    collect(tree, runs);
    if (runs.length > 0)
      roots.push([name, runs.map(({ client, length, text }) => ({ client, length, text }))]);
  }
  return Object.fromEntries(roots);
}

type Run = { client: number; length: number; text: string; isText: boolean };

function collect(tree: Tree, runs: Run[]): void {
  for (const item of [...liveItems(tree), ...liveEntries(tree).values()]) {
    const inside = treeOf(item);
    if (inside !== undefined) collect(inside, runs);
    else if (item.content instanceof Y.ContentString) addText(item.id.client, item.content.str, runs);
    else
      for (const value of valuesOf(item))
        runs.push({ client: item.id.client, length: 1, text: valueText(value), isText: false });
  }
}

function valuesOf({ content }: Y.Item): readonly unknown[] {
  // A mark of a format is no content.
  return content instanceof Y.ContentFormat ? [] : content.getContent();
}

function addText(client: number, text: string, runs: Run[]): void {
  const last = runs.at(-1);
  if (last?.isText === true && last.client === client) {
    last.text += text;
    last.length += text.length;
  } else runs.push({ client, length: text.length, text, isText: true });
}
