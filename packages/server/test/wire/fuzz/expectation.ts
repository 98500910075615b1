import { isUtf8 } from 'node:buffer';
import { isKnownType, upProblem } from '../scene/frame-check.ts';
import type { Input } from './inputs.ts';

// What the protocol says to an input, worked out from PROTOCOL.md and the schema alone.

/** `none`: nothing comes back. `close`: the connection ends, with the error before it where one is named. */
export type Expected =
  | { readonly kind: 'none' }
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'ok' }
  | { readonly kind: 'echo' }
  | { readonly kind: 'close'; readonly close: number; readonly error: string | null; readonly oks: number };

export type Judged = Expected & {
  /** Whether the server counts the input as one that could not be understood. */
  readonly bad: boolean;
};

/** The longest value of a presence field, in UTF-16 units ([PRE7]). */
const FIELD_LENGTH = 128;

export function judge(input: Input, loggedIn: boolean): Judged {
  if (input.kind === 'binary') return refused('binary_unsupported');
  if (input.kind === 'text-bytes') {
    // Invalid UTF-8 never becomes a message ([MSG4]).
    if (!isUtf8(input.bytes)) return { kind: 'close', close: 1007, error: null, oks: 0, bad: false };
    return judgeText(Buffer.from(input.bytes).toString('utf8'), loggedIn);
  }
  // A lone surrogate cannot be sent: what arrives is the replacement character.
  return judgeText(Buffer.from(input.text).toString('utf8'), loggedIn);
}

function refused(code: string): Judged {
  return { kind: 'error', code, bad: true };
}

function judgeText(text: string, loggedIn: boolean): Judged {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return refused('bad_json');
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return refused('bad_json');
  const fields = message as Readonly<Record<string, unknown>>;
  const t = Object.hasOwn(fields, 't') ? fields['t'] : undefined;
  if (typeof t !== 'string') return refused('bad_message');
  if (!isKnownType('up', t)) return refused('unknown_type');
  if (upProblem(fields) !== undefined) return judgeMisfit(fields, t, loggedIn);
  return judgeMessage(fields, t, loggedIn);
}

function judgeMisfit(fields: Readonly<Record<string, unknown>>, t: string, loggedIn: boolean): Judged {
  const username = Object.hasOwn(fields, 'username') ? fields['username'] : undefined;
  if (t !== 'login' || typeof username !== 'string' || (username.length >= 1 && username.length <= 255))
    return refused('bad_message');
  if (loggedIn) return refused('user_id_invalid');
  return { kind: 'close', close: 4202, error: 'user_id_invalid', oks: 0, bad: true };
}

function judgeMessage(fields: Readonly<Record<string, unknown>>, t: string, loggedIn: boolean): Judged {
  const named = (name: string): boolean => Object.hasOwn(fields, name);
  const error = (code: string): Judged => ({ kind: 'error', code, bad: false });
  if (t === 'hb') return { kind: named('q') ? 'echo' : 'none', bad: false };
  if (!loggedIn) return t === 'login' ? judgeLogin(fields) : error('not_logged_in');
  switch (t) {
    case 'login':
      return error('already_logged_in');
    case 'auth':
      return error('token_invalid');
    case 'logout':
      return { kind: 'close', close: 4205, error: null, oks: named('i') ? 1 : 0, bad: false };
    default:
      if (hasWrongValue(fields)) return error('bad_message');
      return { kind: named('i') ? 'ok' : 'none', bad: false };
  }
}

function judgeLogin(fields: Readonly<Record<string, unknown>>): Judged {
  const closes = (close: number, error: string): Judged => ({
    kind: 'close',
    close,
    error,
    oks: 0,
    bad: false,
  });
  if (Object.hasOwn(fields, 'v') && (fields['v'] as number) < 1) return closes(4203, 'version_unsupported');
  const username = fields['username'] as string;
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(username) || !username.isWellFormed())
    return closes(4202, 'user_id_invalid');
  if (hasWrongValue(fields)) return { kind: 'error', code: 'bad_message', bad: false };
  return closes(4200, 'token_invalid');
}

/** Whether a presence field holds what the server's configuration does not allow. */
function hasWrongValue(fields: Readonly<Record<string, unknown>>): boolean {
  return ['a', 'p', 'l'].some((name) => {
    if (!Object.hasOwn(fields, name)) return false;
    const value = fields[name];
    return typeof value !== 'string' || value.length > FIELD_LENGTH || !value.isWellFormed();
  });
}
