import type { Edge } from '../../ports/directory.ts';

// How a roster is written in Redis: '1', 'k' where the user is known or '-' where nobody knows, and as JSON the names in their
// order, then the places of those who count the viewer among their close friends. Nearly nobody does.

const VERSION = '1';

/** What the text of somebody begins with who is known to the directory. */
export const KNOWN_USER = `${VERSION}k`;

/** @param known that the directory knows the viewer */
export function rosterText(edges: readonly Edge[], known: boolean): string {
  const close: number[] = [];
  const names = edges.map(({ user, close: isClose }, place) => {
    if (isClose) close.push(place);
    return user;
  });
  return `${known ? KNOWN_USER : `${VERSION}-`}${JSON.stringify([names, close])}`;
}

/** @returns undefined where another version of the program wrote it, or nobody did */
export function rosterOfText(text: string): readonly Edge[] | undefined {
  if (!text.startsWith(VERSION)) return undefined;
  let read: unknown;
  try {
    read = JSON.parse(text.slice(KNOWN_USER.length));
  } catch {
    return undefined; // Not what this program writes: the database knows better.
  }
  if (!Array.isArray(read)) return undefined;
  const [names, close] = read as readonly unknown[];
  if (!isListOf(names, 'string') || !isListOf(close, 'number')) return undefined;
  const edges = names.map((user) => ({ user, close: false }));
  for (const place of close) {
    const edge = edges[place];
    if (edge === undefined) return undefined;
    edge.close = true;
  }
  return edges;
}

type Listed = { string: string; number: number };

function isListOf<T extends keyof Listed>(value: unknown, type: T): value is readonly Listed[T][] {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}
