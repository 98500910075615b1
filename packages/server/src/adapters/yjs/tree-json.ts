import * as Y from 'yjs';
import { kindOf, lastValue, liveEntries, liveItems, type Tree } from './tree.ts';

/** A run of a text with the same formats, as editors exchange them. */
type DeltaRun = { insert: unknown; attributes?: Record<string, unknown> };

/**
 * A type as JSON: a text as a string, or as runs with their formats where it has any; XML as its text; maps and lists as what they are.
 * Null: what it is cannot be told.
 */
export function jsonOf(tree: Tree): unknown {
  switch (kindOf(tree)) {
    case 'text': {
      const runs = deltaOf(tree);
      const isPlain = runs.every(
        ({ insert, attributes }) => typeof insert === 'string' && attributes === undefined,
      );
      return isPlain ? runs.map(({ insert }) => insert).join('') : runs;
    }
    case 'xml':
      return xmlOf(tree);
    case 'map':
      return Object.fromEntries(
        [...liveEntries(tree)].map(([key, item]) => [key, valueJson(lastValue(item))]),
      );
    case 'array':
      return liveItems(tree).flatMap(({ content }) => content.getContent().map(valueJson));
    case 'unknown':
      return null;
  }
}

/** A value as JSON has it: bytes as base64, integers beyond JSON as text, a sub-document by its name. */
export function valueJson(value: unknown): unknown {
  if (value instanceof Y.AbstractType) return jsonOf(value as Tree);
  if (value instanceof Y.Doc) return { guid: value.guid };
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'bigint') return String(value);
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(valueJson);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, valueJson(member)]));
  return value;
}

/** JSON text of a value, the members of objects in the order of their names: equal values have equal texts. */
export function valueText(value: unknown): string {
  return JSON.stringify(valueJson(value), (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

function deltaOf(tree: Tree): DeltaRun[] {
  const runs: DeltaRun[] = [];
  const formats = new Map<string, unknown>();
  let formatText = '{}';
  let lastFormat = '';
  for (const { content } of liveItems(tree)) {
    if (content instanceof Y.ContentFormat) {
      if (content.value === null) formats.delete(content.key);
      else formats.set(content.key, content.value);
      formatText = valueText(Object.fromEntries(formats));
      continue;
    }
    const attributes = formats.size === 0 ? {} : { attributes: Object.fromEntries(formats) };
    const last = runs.at(-1);
    if (!(content instanceof Y.ContentString))
      for (const value of content.getContent()) runs.push({ insert: valueJson(value), ...attributes });
    else if (typeof last?.insert === 'string' && lastFormat === formatText) last.insert += content.str;
    else runs.push({ insert: content.str, ...attributes });
    lastFormat = formatText;
  }
  return runs;
}

function xmlOf(tree: Tree): string {
  return liveItems(tree)
    .flatMap(({ content }) => content.getContent().map(nodeOf))
    .join('');
}

function nodeOf(value: unknown): string {
  if (value instanceof Y.XmlElement) {
    const attributes = [...liveEntries(value as Tree)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => ` ${name}="${escaped(asText(lastValue(item)))}"`);
    return `<${value.nodeName}${attributes.join('')}>${xmlOf(value as Tree)}</${value.nodeName}>`;
  }
  if (value instanceof Y.Text)
    return deltaOf(value as Tree)
      .map(formatted)
      .join('');
  if (value instanceof Y.XmlFragment) return xmlOf(value as Tree);
  return escaped(asText(value));
}

function formatted({ insert, attributes = {} }: DeltaRun): string {
  const names = Object.keys(attributes).sort();
  const text = escaped(asText(insert));
  return (
    names.map((name) => `<${name}>`).join('') +
    text +
    names
      .reverse()
      .map((name) => `</${name}>`)
      .join('')
  );
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : valueText(value);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
