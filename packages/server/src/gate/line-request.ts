import { type LineAnswer, refused } from './line-answer.ts';

/** Messages of one request at most ([HTTP1]). */
export const MAX_LINE_MESSAGES = 128;

/**
 * How deep a request may be nested. Messages are written as text again, by recursion: some thousand levels, which fit into
 * a request of a few kilobytes, would end that with an overflow of the stack. Far more than payloads have, so that the
 * message is refused by its own number where it is only that.
 */
const MAX_LINE_DEPTH = 1_000;

/** A line's name: a node's, and 192 random bits. The rest is room to grow. */
const MAX_LINE_ID_LENGTH = 256;

/** `{"ms"}` opens a line. */
export type OpenRequest = { readonly kind: 'open'; readonly ms: readonly unknown[] };

/** `{"line","n","ms"}` sends. `bytes`: of the request it came in. */
export type SendRequest = {
  readonly kind: 'send';
  readonly line: string;
  readonly n: number;
  readonly ms: readonly unknown[];
  readonly bytes: number;
};

/** `{"line","ack","wait","p"}` asks for the batch behind `ack`. `wait`: ms; null where it names none. `p` counts a client's polls; not all do. */
export type PollRequest = {
  readonly kind: 'poll';
  readonly line: string;
  readonly ack: number;
  readonly wait: number | null;
  readonly p?: number | undefined;
};

/** What a client asks of a line; it travels as JSON to the line's node. */
export type LineRequest = SendRequest | PollRequest;

/** @param text the body of a request, of `bytes` bytes */
export function parseLineRequest(
  text: string,
  bytes: number,
): OpenRequest | LineRequest | { readonly kind: 'refused'; readonly answer: LineAnswer } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return misfit(refused('bad_json', 'the body is not JSON'));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return misfit(refused('bad_json', 'the body is not a JSON object'));
  // Each level takes two bytes at least: nearly all are not even looked at.
  if (bytes > 2 * MAX_LINE_DEPTH && isDeeper(value, MAX_LINE_DEPTH + 2))
    return badMessage(`ms: nested deeper than ${MAX_LINE_DEPTH} levels`);
  const { line, n, ms, ack, wait, p } = value as Readonly<Record<string, unknown>>;
  if (line === undefined) {
    if (n !== undefined || ack !== undefined) return badMessage('line: missing');
    return isMessages(ms) ? { kind: 'open', ms } : badMessage(NO_MESSAGES);
  }
  if (typeof line !== 'string' || line.length > MAX_LINE_ID_LENGTH) return badMessage('line: not a line');
  if (n !== undefined && ack !== undefined) return badMessage('n, ack: a request sends or polls');
  if (n !== undefined) {
    if (!isCount(n) || n === 0) return badMessage('n: not a whole number from 1');
    return isMessages(ms) ? { kind: 'send', line, n, ms, bytes } : badMessage(NO_MESSAGES);
  }
  if (!isCount(ack))
    return badMessage(ack === undefined ? 'n, ack: one is needed' : 'ack: not a whole number from 0');
  if (wait !== undefined && !isCount(wait)) return badMessage('wait: not a whole number from 0');
  if (p !== undefined && !isCount(p)) return badMessage('p: not a whole number from 0');
  return { kind: 'poll', line, ack, wait: wait ?? null, p };
}

const NO_MESSAGES = `ms: not a list of at most ${MAX_LINE_MESSAGES} messages`;

function isMessages(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= MAX_LINE_MESSAGES;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) {
    if (isDeeper((value as Readonly<Record<string, unknown>>)[key], levels - 1)) return true;
  }
  return false;
}

/** Such that a number behind it can be counted as well. */
function isCount(value: unknown): value is number {
  return (
    Number.isSafeInteger(value) &&
    (value as number) >= 0 &&
    (value as number) < Number.MAX_SAFE_INTEGER - MAX_LINE_MESSAGES
  );
}

function misfit(answer: LineAnswer): { readonly kind: 'refused'; readonly answer: LineAnswer } {
  return { kind: 'refused', answer };
}

function badMessage(detail: string): { readonly kind: 'refused'; readonly answer: LineAnswer } {
  return misfit(refused('bad_message', detail));
}
