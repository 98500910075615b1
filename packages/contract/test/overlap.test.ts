import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patternsOverlap } from '@carillon/contract';
import { type ParsedPattern, parsePattern } from '@carillon/protocol';

function parsed(pattern: string): ParsedPattern {
  const result = parsePattern(pattern);
  if (!result.ok) throw new Error(`${pattern} ${result.detail}`);
  return result.parsed;
}

/** What fits a pattern, said another way than the code says it. */
function oracle({ literals }: ParsedPattern): RegExp {
  const value = '(?:[A-Za-z0-9\\-._~]|%[0-9A-F]{2})+';
  return new RegExp(`^${literals.map((literal) => literal.replaceAll('/', '\\/')).join(value)}$`, 'u');
}

/** Every text of these characters up to a length. */
function textsOf(alphabet: readonly string[], length: number): string[] {
  let texts = [''];
  const all: string[] = [];
  for (let i = 0; i < length; i++) {
    texts = texts.flatMap((text) => alphabet.map((character) => text + character));
    all.push(...texts);
  }
  return all;
}

/** Literals of at most two characters, so that a name that two patterns share needs no value longer than five. */
const literal = fc.string({ unit: fc.constantFrom('a', 'b', ':', '/'), maxLength: 2 });
const VALUES = textsOf(['a', 'b'], 5);

const pattern = fc
  .array(literal, { minLength: 1, maxLength: 3 })
  .map((literals) => literals.map((text, i) => (i === 0 ? text : `{p${i}}${text}`)).join(''))
  .filter((text) => parsePattern(text).ok);

/** Patterns that are likely to have something in common. */
const pair = fc.oneof(
  fc.tuple(pattern, pattern),
  fc
    .tuple(pattern, literal, literal)
    .map(([one, head, tail]) => [one, head + one.replace(/^[^{]*/, '').replace(/[^}]*$/, '') + tail] as const)
    .filter(([, other]) => parsePattern(other).ok),
  fc
    .tuple(pattern, fc.stringMatching(/^[ab]{0,3}$/), fc.stringMatching(/^[ab]?$/))
    .map(([one, value, tail]) => [one, one.replace(/\{p1\}/, value) + tail] as const)
    .filter(([, other]) => parsePattern(other).ok),
);

/** Every name that a pattern has with these values. */
function* namesOf(literals: readonly string[]): Generator<string> {
  const [first = '', ...rest] = literals;
  if (rest.length === 0) yield first;
  else for (const tail of namesOf(rest)) for (const value of VALUES) yield first + value + tail;
}

describe('[CHN1] overlapping patterns', () => {
  it.each([
    ['a:{x}', 'a:b', true],
    ['a:{x}', '{y}:b', true],
    ['a:{x}', 'a:{y}', true],
    ['a', 'a', true],
    ['{x}', 'lobby', true],
    ['{x}a', 'b{y}', true],
    ['a{x}', 'aa', true],
    ['aa{x}', 'a{y}', true],
    ['{x}:{y}', 'a:b{z}', true],
    ['a:{x}', 'b:{x}', false],
    ['a:{x}', 'a:{x}:{y}', false],
    ['a:{x}', 'a:', false],
    ['a{x}', 'a', false],
    ['a{x}a', 'aa', false],
    ['a{x}a', 'aaa', true],
    ['a/{x}', 'a:{x}', false],
    ['a{x}', 'b{y}', false],
    ['{x}a', '{y}b', false],
    ['é{x}', 'é{y}', true],
    ['{x}', 'a:b', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(patternsOverlap(parsed(one), parsed(other))).toBe(expected);
    expect(patternsOverlap(parsed(other), parsed(one))).toBe(expected);
  });

  it('overlap exactly where a name fits both', () => {
    fc.assert(
      fc.property(pair, ([one, other]) => {
        const fits = oracle(parsed(other));
        let common = false;
        for (const name of namesOf(parsed(one).literals)) common ||= fits.test(name);
        expect([one, other, patternsOverlap(parsed(one), parsed(other))]).toEqual([one, other, common]);
      }),
      { numRuns: 2_000 },
    );
  });
});
