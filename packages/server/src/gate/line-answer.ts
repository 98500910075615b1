import { type ErrorCode, ERRORS } from '@carillon/protocol';

/** When a request that may succeed later should be repeated, unless the refusal knows better. */
const RETRY_AFTER_MS = 1_000;

/** What is answered to a request about a line: by its own node, or handed on by another. It travels as JSON. */
export type LineAnswer = {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
  /** What a refusal is counted as; null: it is none. */
  readonly code: ErrorCode | null;
};

export function done(body: string): LineAnswer {
  return { status: 200, body, code: null };
}

/**
 * @param detail what was wrong in particular
 * @param retryAfterMs said only where the code allows that the same request is sent again
 */
export function refused(code: ErrorCode, detail = '', retryAfterMs = RETRY_AFTER_MS): LineAnswer {
  const { http, retry, help } = ERRORS[code];
  const m = detail === '' ? help : `${detail}. ${help}`;
  return { status: http, body: JSON.stringify({ code, m, ...(retry ? { retryAfterMs } : {}) }), code };
}

/** The same for lines that ended and such as never were, whoever answers ([HTTP2]). */
export const LINE_UNKNOWN = refused('line_unknown');
