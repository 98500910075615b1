import * as Y from 'yjs';
import { className, lastValue, liveEntries, liveItems, type Tree, treeOf } from './tree.ts';
import { valueText } from './tree-json.ts';

/** A part of an item: `length` clocks from `offset` on. */
export type Piece = { readonly item: Y.Item; readonly offset: number; readonly length: number };

/** The same as pieces that are no longer divisible: a character, a value, a type. */
export function unitsOf(pieces: readonly Piece[]): Piece[] {
  const units: Piece[] = [];
  for (const { item, offset, length } of pieces) {
    const text = textIn(item);
    for (let at = offset; at < offset + length;) {
      // The halves of a pair stay together: Yjs replaces each by a sign that stands for nothing.
      const isPair = text !== undefined && at + 1 < offset + length && (text.codePointAt(at) ?? 0) > 0xffff;
      units.push({ item, offset: at, length: isPair ? 2 : 1 });
      at += isPair ? 2 : 1;
    }
  }
  return units;
}

function textIn({ content }: Y.Item): string | undefined {
  return content instanceof Y.ContentString ? content.str : undefined;
}

/** The text of a piece; empty where it is none. */
export function pieceText({ item, offset, length }: Piece): string {
  return textIn(item)?.slice(offset, offset + length) ?? '';
}

/** What a unit holds, as a text: two that hold the same have the same. */
export function signatureOf({ item, offset, length }: Piece): string {
  const { content } = item;
  if (content instanceof Y.ContentString) return `s${content.str.slice(offset, offset + length)}`;
  if (content instanceof Y.ContentFormat) return `f${valueText([content.key, content.value])}`;
  if (content instanceof Y.ContentEmbed) return `e${valueText(content.embed)}`;
  const tree = treeOf(item);
  if (tree !== undefined) return treeSignature(tree);
  return valueSignature(content.getContent()[offset]);
}

/** What an entry of a map holds. */
export function entrySignature(item: Y.Item): string {
  const tree = treeOf(item);
  return tree === undefined ? valueSignature(lastValue(item)) : treeSignature(tree);
}

function valueSignature(value: unknown): string {
  // As JSON they would be the same as others.
  if (value instanceof Y.Doc) return `d${value.guid}`;
  if (value instanceof Uint8Array) return `b${valueText(value)}`;
  if (typeof value === 'bigint' || value === undefined) return `${typeof value} ${String(value)}`;
  return `a${valueText(value)}`;
}

export function treeSignature(tree: Tree): string {
  const entries = [...liveEntries(tree)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}=${entrySignature(item)}`);
  let sequence = '';
  let inText = false;
  for (const item of liveItems(tree)) {
    const text = textIn(item);
    if (text === undefined) for (const unit of unitsOf([wholeOf(item)])) sequence += `\n${signatureOf(unit)}`;
    // A text is one, however it was typed.
    else sequence += `${inText ? '' : '\ns'}${JSON.stringify(text).slice(1, -1)}`;
    inText = text !== undefined;
  }
  return `t${className(tree)}{${entries.join(',')}}[${sequence}]`;
}

export function wholeOf(item: Y.Item): Piece {
  return { item, offset: 0, length: item.length };
}

/** Whether two pieces of the same length hold the same; of types only whether they are of the same class. */
export function isAlike(a: Piece, b: Piece): boolean {
  const [inA, inB] = [treeOf(a.item), treeOf(b.item)];
  if (inA !== undefined || inB !== undefined)
    return inA !== undefined && inB !== undefined && className(inA) === className(inB);
  const text = textIn(a.item);
  if (text !== undefined) return pieceText(a) === pieceText(b);
  const others = unitsOf([b]);
  return unitsOf([a]).every((unit, index) => {
    const other = others[index];
    return other !== undefined && signatureOf(unit) === signatureOf(other);
  });
}
