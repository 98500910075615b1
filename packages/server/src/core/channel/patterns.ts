import {
  encodeParameter,
  isParameterValue,
  isValueUnit,
  MAX_CHANNEL_LENGTH,
  parsePattern,
  type ParsedPattern,
  unfitText,
} from '@carillon/protocol';
import type { ChannelSpec } from './channel-spec.ts';

export type Matched = {
  readonly ok: true;
  readonly spec: ChannelSpec;
  /** Decoded. */
  readonly params: Readonly<Record<string, string>>;
};

export type Match =
  | Matched
  | {
      readonly ok: false;
      readonly code: 'channel_invalid' | 'channel_unknown';
      readonly detail: string;
    };

/** Finds the one pattern that a name fits ([CHN1]). */
export type Patterns = { match(name: string): Match };

type Entry = ParsedPattern & { readonly spec: ChannelSpec };

/**
 * A matcher over the patterns of a contract, none of which overlap. A pattern whose first literal reaches a separator is
 * found by it; the few that begin with a parameter are tried one by one. A name is walked once, without regexps.
 *
 * @throws TypeError where a pattern cannot be parsed: a contract is checked before it is compiled
 */
export function compilePatterns(specs: readonly ChannelSpec[]): Patterns {
  const entries = specs.map(entryOf);
  /** By the text up to the first separator, that included. */
  const byHead = new Map<string, Entry[]>();
  const headless: Entry[] = [];
  for (const entry of entries) {
    const literal = entry.literals[0] ?? '';
    const end = separatorAt(literal, 0);
    if (end === literal.length) headless.push(entry);
    else {
      const head = literal.slice(0, end + 1);
      const sharing = byHead.get(head);
      if (sharing === undefined) byHead.set(head, [entry]);
      else sharing.push(entry);
    }
  }

  function match(name: string): Match {
    if (name.length === 0 || name.length > MAX_CHANNEL_LENGTH)
      return invalid(`expected 1 to ${MAX_CHANNEL_LENGTH} characters, not ${name.length}`);
    const end = separatorAt(name, 0);
    const candidates = byHead.get(name.slice(0, end + 1));
    return (
      (candidates === undefined ? undefined : firstFit(candidates, name)) ??
      firstFit(headless, name) ??
      refusal(entries, name)
    );
  }
  return { match };
}

function entryOf(spec: ChannelSpec): Entry {
  const result = parsePattern(spec.pattern);
  if (!result.ok) throw new TypeError(`the pattern ${JSON.stringify(spec.pattern)} ${result.detail}`);
  return { ...result.parsed, spec };
}

function firstFit(entries: readonly Entry[], name: string): Match | undefined {
  for (const entry of entries) {
    const params = fit(entry, name);
    if (params !== undefined) return { ok: true, spec: entry.spec, params };
  }
  return undefined;
}

/** The parameters of a name that fits, decoded. */
function fit(
  { literals, parameters }: ParsedPattern,
  name: string,
): Readonly<Record<string, string>> | undefined {
  const first = literals[0] ?? '';
  if (!name.startsWith(first)) return undefined;
  const params: Record<string, string> = {};
  let at = first.length;
  for (let i = 0; i < parameters.length; i++) {
    const literal = literals[i + 1] ?? '';
    // A value ends at the next separator, less what of the literal stands before that.
    const valueEnd = separatorAt(name, at) - separatorAt(literal, 0);
    if (valueEnd <= at || !name.startsWith(literal, valueEnd)) return undefined;
    const value = decode(name.slice(at, valueEnd));
    if (value === undefined) return undefined;
    params[parameters[i] ?? ''] = value;
    at = valueEnd + literal.length;
  }
  return at === name.length ? params : undefined;
}

/** The index of the first unit that no encoded value has; the length where there is none. */
function separatorAt(text: string, from: number): number {
  let at = from;
  while (at < text.length && isValueUnit(text.charCodeAt(at))) at++;
  return at;
}

/** What an encoded value stands for; undefined where it is not in the one form that [CHN1] allows. */
function decode(encoded: string): string | undefined {
  if (!encoded.includes('%')) return encoded;
  let value: string;
  try {
    value = decodeURIComponent(encoded);
  } catch {
    // No UTF-8, or a % that two digits do not follow.
    return undefined;
  }
  // Every channel has one name, so what needs no encoding must have none.
  return isParameterValue(value) && encodeParameter(value) === encoded ? value : undefined;
}

/** Says of a name that fits no pattern whether it is wrong in itself, or only unknown. Nothing here is on a hot path. */
function refusal(entries: readonly Entry[], name: string): Match {
  const unfit = unfitText(name);
  if (unfit !== undefined) return invalid(unfit);
  const meant = entries.find((entry) => isMeant(entry, name));
  if (meant !== undefined)
    return invalid(
      `does not fit ${meant.pattern}: a parameter is percent-encoded UTF-8 with upper-case digits, but for letters, digits and -._~, and is not empty`,
    );
  return { ok: false, code: 'channel_unknown', detail: 'the contract has no pattern that it fits' };
}

/** Whether a name would fit if parameters could hold anything. */
function isMeant({ literals, parameters }: ParsedPattern, name: string): boolean {
  const last = literals.at(-1) ?? '';
  if (parameters.length === 0) return false;
  let at = 0;
  for (const [index, literal] of literals.entries()) {
    if (index === literals.length - 1) return name.length - last.length >= at && name.endsWith(last);
    const found = index === 0 ? (name.startsWith(literal) ? 0 : -1) : name.indexOf(literal, at);
    if (found === -1) return false;
    at = found + literal.length;
  }
  return false;
}

function invalid(detail: string): Match {
  return { ok: false, code: 'channel_invalid', detail };
}
