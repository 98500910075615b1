import * as Y from 'yjs';
import type { DocumentDiff } from '../../ports/document-engine.ts';
import { align } from './align.ts';
import { kindOf, lastValue, liveEntries, liveItems, rootsOf, type Tree, treeOf } from './tree.ts';
import { valueText } from './tree-json.ts';
import { type Piece, pieceText, wholeOf } from './units.ts';

type RootDiff = DocumentDiff[number];
type Part = RootDiff['parts'][number];
type Op = Part['op'];

const NOTHING: Tree = new Y.AbstractType();

/** How two states differ, by the names of their roots. A root of which nothing can be told in either has no part in it. */
export function compareDocuments(before: Y.Doc, after: Y.Doc): DocumentDiff {
  const names = new Set([...rootsOf(before).keys(), ...rootsOf(after).keys()]);
  return [...names].sort().flatMap((root) => {
    const old = rootsOf(before).get(root) ?? NOTHING;
    const now = rootsOf(after).get(root) ?? NOTHING;
    const kind = kindOf(now) === 'unknown' ? kindOf(old) : kindOf(now);
    return kind === 'unknown' ? [] : [{ root, kind, parts: partsOf(kind, old, now) }];
  });
}

function partsOf(kind: RootDiff['kind'], before: Tree, after: Tree): Part[] {
  switch (kind) {
    case 'map':
      return entryParts(before, after);
    case 'array':
      return elementParts(before, after);
    case 'text':
    case 'xml': {
      const parts: Part[] = [];
      textParts(before, after, parts);
      return parts;
    }
  }
}

function entryParts(before: Tree, after: Tree): Part[] {
  const texts = (tree: Tree): Map<string, string> =>
    new Map([...liveEntries(tree)].map(([key, item]) => [key, `${key}: ${valueText(lastValue(item))}`]));
  const [old, now] = [texts(before), texts(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .flatMap((key) => replaced(old.get(key), now.get(key)));
}

function replaced(old: string | undefined, now: string | undefined): Part[] {
  if (old !== undefined && old === now) return [{ op: 'same', text: old }];
  const parts: Part[] = [];
  if (old !== undefined) parts.push({ op: 'removed', text: old });
  if (now !== undefined) parts.push({ op: 'added', text: now });
  return parts;
}

function elementParts(before: Tree, after: Tree): Part[] {
  return align(before, after).flatMap((step) => {
    if (step.op === 'add') return elementTexts(step.to).map((text): Part => ({ op: 'added', text }));
    const old = elementTexts(step.from);
    if (step.op === 'remove') return old.map((text): Part => ({ op: 'removed', text }));
    const now = elementTexts(step.to);
    return old.flatMap((text, index) => replaced(text, now[index]));
  });
}

function elementTexts({ item, offset, length }: Piece): string[] {
  return item.content
    .getContent()
    .slice(offset, offset + length)
    .map(valueText);
}

/** Texts as people read them: elements of XML end their line, whatever else is in a text stands as JSON. */
function textParts(before: Tree, after: Tree, into: Part[]): void {
  for (const step of align(before, after)) {
    if (step.op === 'add') add(into, 'added', textOf(step.to));
    else if (step.op === 'remove') add(into, 'removed', textOf(step.from));
    else {
      const [old, now] = [treeOf(step.from.item), treeOf(step.to.item)];
      if (old === undefined || now === undefined) add(into, 'same', textOf(step.to));
      else {
        textParts(old, now, into);
        add(into, 'same', endOf(now));
      }
    }
  }
}

function add(into: Part[], op: Op, text: string): void {
  if (text === '') return;
  const last = into.at(-1);
  if (last?.op === op) into[into.length - 1] = { op, text: last.text + text };
  else into.push({ op, text });
}

function textOf(piece: Piece): string {
  const { content } = piece.item;
  if (content instanceof Y.ContentString) return pieceText(piece);
  if (content instanceof Y.ContentEmbed) return valueText(content.embed);
  const tree = treeOf(piece.item);
  if (tree !== undefined)
    return (
      liveItems(tree)
        .map((item) => textOf(wholeOf(item)))
        .join('') + endOf(tree)
    );
  return elementTexts(piece).join(' ');
}

function endOf(tree: Tree): string {
  return tree instanceof Y.XmlElement ? '\n' : '';
}
