/** A part of the document that a scenario writes. */
export type Section = { readonly name: string; readonly text: string };

/**
 * Puts a section between its markers, and leaves the rest of the document alone.
 *
 * @throws Error when the document has no such markers, for then nobody would see the results
 */
export function replaceSection(document: string, { name, text }: Section): string {
  const begin = `<!-- bench:${name} -->`;
  const end = `<!-- /bench:${name} -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the document has no ${begin} … ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${document.slice(to)}`;
}
