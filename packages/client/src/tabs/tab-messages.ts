/**
 * What tabs say to each other. `term` names one time of leading; whatever is said in the name of a term that is over is
 * passed over. A `line` is one tab's way to the leader, by the tab's id and a number.
 */
export type TabMessage =
  /** To the leader: a line is wanted, says something, is given up. */
  | { readonly k: 'open'; readonly line: string }
  | { readonly k: 'up'; readonly term: string; readonly line: string; readonly text: string }
  | { readonly k: 'close'; readonly line: string }
  | { readonly k: 'ping' }
  /** From the leader. */
  /**
   * In answer, and when it begins to lead. `n` counts what the leader has said to lines: browsers drop what is said to a page that is kept for a way back.
   * `idle`: nobody looks at the leader, and nothing would be lost if another led.
   */
  | { readonly k: 'pong'; readonly term: string; readonly n: number; readonly idle: boolean }
  | LineMessage
  /** The resume token with which the next leader goes on; the one with the highest stamp counts. */
  | { readonly k: 'resume'; readonly token: string | null; readonly at: number }
  /** From whoever logs out. */
  | { readonly k: 'logout' };

/** From the leader, to lines. */
export type LineMessage = { readonly term: string; readonly n: number } & LineNews;

/** What lines are told. */
export type LineNews = { readonly lines: readonly string[] } & (
  | { readonly k: 'opened' }
  | { readonly k: 'down'; readonly text: string }
  | { readonly k: 'closed'; readonly code: number }
);

type Kind = TabMessage['k'];

const isNumber = Number.isFinite;
const isText = (value: unknown): boolean => typeof value === 'string';

const SHAPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  term: isText,
  line: isText,
  text: isText,
  idle: (value) => typeof value === 'boolean',
  code: isNumber,
  n: isNumber,
  at: isNumber,
  token: (value) => value === null || isText(value),
  lines: (value) => Array.isArray(value) && value.every(isText),
};

const FIELDS: Readonly<Record<Kind, string>> = {
  open: 'line',
  up: 'term line text',
  close: 'line',
  ping: '',
  pong: 'term n idle',
  opened: 'term n lines',
  down: 'term n lines text',
  closed: 'term n lines code',
  resume: 'token at',
  logout: '',
};

/** Any script of the origin may write to the channel. @returns null for what no tab says */
export function tabMessageOf(data: unknown): TabMessage | null {
  if (typeof data !== 'object' || data === null) return null;
  const message = data as Readonly<Record<string, unknown>>;
  const { k } = message;
  if (typeof k !== 'string' || !Object.hasOwn(FIELDS, k)) return null;
  // The check of the line above is what TypeScript cannot see.
  const fields = FIELDS[k as Kind].match(/\w+/g) ?? [];
  return fields.every((field) => SHAPES[field]?.(message[field])) ? (message as TabMessage) : null;
}
