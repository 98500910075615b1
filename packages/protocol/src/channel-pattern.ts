import { MAX_CHANNEL_LENGTH } from './limits.ts';

/**
 * A pattern, taken apart: `chat:{room}/{thread}` is the literals `chat:`, `/` and '' around the parameters `room` and
 * `thread`. There is one literal more than there are parameters; the first and the last may be empty.
 */
export type ParsedPattern = {
  readonly pattern: string;
  readonly literals: readonly string[];
  readonly parameters: readonly string[];
};

export type PatternResult =
  | { readonly ok: true; readonly parsed: ParsedPattern }
  /** What is wrong, to be read behind the pattern. */
  | { readonly ok: false; readonly detail: string };

/** The parameter that is the login's own id ([CHN3]). */
export const USER_PARAMETER = 'user';

const PARAMETER_NAME = /^[a-z][a-zA-Z0-9]{0,31}$/;

/**
 * Takes a pattern apart. A name must be able to be split in one way only, so between two parameters there is a
 * character that an encoded value never has ([CHN1]): anything but letters, digits, `-._~` and `%`.
 */
export function parsePattern(pattern: string): PatternResult {
  if (pattern === '') return refused('is empty');
  if (pattern.length > MAX_CHANNEL_LENGTH) return refused(`has more than ${MAX_CHANNEL_LENGTH} characters`);
  const literals: string[] = [];
  const parameters: string[] = [];
  let at = 0;
  for (;;) {
    const opens = pattern.indexOf('{', at);
    const literal = pattern.slice(at, opens === -1 ? pattern.length : opens);
    const wrong = literalProblem(literal);
    if (wrong !== undefined) return refused(wrong);
    literals.push(literal);
    if (opens === -1) break;
    const closes = pattern.indexOf('}', opens);
    if (closes === -1) return refused('has a { without its }');
    const name = pattern.slice(opens + 1, closes);
    if (!PARAMETER_NAME.test(name)) {
      return refused(
        name === ''
          ? 'has a parameter without a name: write it like {room}'
          : `has a parameter ${JSON.stringify(name)}: 1 to 32 letters and digits, beginning with a lower-case letter`,
      );
    }
    if (parameters.includes(name)) return refused(`has the parameter {${name}} twice`);
    if (parameters.length > 0 && !hasSeparator(literal)) {
      const previous = parameters.at(-1) ?? '';
      return refused(
        `has nothing that tells {${previous}} and {${name}} apart: put a character between them that is no letter, digit or one of -._~`,
      );
    }
    parameters.push(name);
    at = closes + 1;
  }
  return { ok: true, parsed: { pattern, literals, parameters } };
}

function literalProblem(literal: string): string | undefined {
  if (literal.includes('}')) return 'has a } without its {';
  if (literal.includes('%')) return 'has a %, which stands in encoded parameters only';
  return unfitText(literal);
}

function hasSeparator(literal: string): boolean {
  for (let i = 0; i < literal.length; i++) if (!isValueUnit(literal.charCodeAt(i))) return true;
  return false;
}

/** What no channel's name may have, as `has a …`; undefined where it has none of it. */
export function unfitText(text: string): string | undefined {
  if (!text.isWellFormed()) return 'has a lone surrogate';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return 'has a control character';
  }
  return undefined;
}

/** Whether a UTF-16 unit may stand in an encoded value: unreserved (RFC 3986, section 2.3) or `%`. */
export function isValueUnit(unit: number): boolean {
  return (
    (unit >= 0x61 && unit <= 0x7a) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x30 && unit <= 0x39) ||
    unit === 0x2d ||
    unit === 0x2e ||
    unit === 0x5f ||
    unit === 0x7e ||
    unit === 0x25
  );
}

function refused(detail: string): PatternResult {
  return { ok: false, detail };
}
