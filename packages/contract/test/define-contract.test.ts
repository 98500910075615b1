import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  BOUNDS,
  call,
  ContractError,
  DEFAULTS,
  defineContract,
  document,
  map,
  signal,
  stream,
} from '@carillon/contract';

const data = z.object({ text: z.string() });

/** As somebody might write it in JavaScript, where nothing stops them. */
function define(parts: unknown): () => unknown {
  return () => defineContract(parts as Parameters<typeof defineContract>[0]);
}

describe('a contract', () => {
  it('keeps what was declared, and has an empty part for what was not', () => {
    const chat = stream({ data, members: true });
    const contract = defineContract({ channels: { 'chat:{room}': chat } });
    expect(contract).toEqual({
      presence: { a: 128, p: 128, l: 128 },
      channels: { 'chat:{room}': { data, members: true, kind: 'stream' } },
      calls: {},
      clientCalls: {},
      broadcasts: {},
    });
  });

  it('takes schemas of zod, valibot and arktype', () => {
    expect(
      define({
        channels: {
          'a:{x}': stream({ data: z.string() }),
          'b:{x}': map({ data: v.object({ n: v.number() }) }),
          'c:{x}': signal({ data: type({ x: 'number' }) }),
        },
        calls: { f: call({ input: v.string(), output: type('string'), errors: { gone: z.null() } }) },
        broadcasts: { note: v.string() },
      }),
    ).not.toThrow();
  });

  it('may have {user} beside other parameters', () => {
    expect(define({ channels: { 'inbox:{user}/{box}': stream({ data }) } })).not.toThrow();
  });
});

describe('a contract is refused with one line that names what is wrong', () => {
  const one = (pattern: string, definition: unknown): unknown => ({ channels: { [pattern]: definition } });
  const chat = (options: object): unknown => one('chat:{room}', stream({ data, ...options }));

  it.each<[string, unknown, RegExp]>([
    [
      'patterns that overlap, both of them',
      { channels: { 'a:{x}': stream({ data }), '{y}:b': stream({ data }) } },
      /^channels\["\{y\}:b"\]: overlaps "a:\{x\}", so that a name could fit both/,
    ],
    [
      'a literal that a pattern takes',
      { channels: { 'a:b': stream({ data }), 'a:{x}': map({ data }) } },
      /^channels\["a:\{x\}"\]: overlaps "a:b"/,
    ],
    ['a pattern that is none', one('a:{x}{y}', stream({ data })), /^channels\["a:\{x\}\{y\}"\]: the pattern/],
    [
      'a control character',
      one('a\u0007', stream({ data })),
      /^channels\["a\\u0007"\]: the pattern has a control/,
    ],
    ['a definition that is none', one('a', { kind: 'queue', data }), /^channels\["a"\]: expected stream\(/],
    ['a channel without a schema', one('a', { kind: 'stream' }), /^channels\["a"\]\.data: expected a schema/],
    [
      'a schema of another version',
      one('a', stream({ data: { '~standard': { version: 2, vendor: 'x', validate: () => 1 } } as never })),
      /\.data: expected a schema of Standard Schema, version 1/,
    ],
    [
      'an option of another kind',
      one('a', { kind: 'signal', data, echo: true }),
      /^channels\["a"\]\.echo: there is no such option; there are flushMs/,
    ],
    [
      'an option that there is not',
      chat({ histroy: {} }),
      /histroy: there is no such option; there are history/,
    ],
    [
      'an inner option that there is not',
      chat({ history: { size: 1 } }),
      /\.history\.size: there is no such option; there are count, ageMs, units/,
    ],
    ['a number for an object', chat({ history: 5 }), /\.history: expected an object of count, ageMs, units/],
    ['a text for a number', chat({ payloadUnits: '5' }), /\.payloadUnits: expected a whole number from 1 to/],
    ['a fraction', chat({ history: { count: 1.5 } }), /\.history\.count: expected a whole number from 0 to/],
    [
      'a choice that there is not',
      chat({ slow: 'drop' }),
      /\.slow: expected one of close, drop-oldest, conflate, resync/,
    ],
    [
      'a durability that there is not',
      chat({ durability: 'disk' }),
      /\.durability: expected one of stored, replicated, memory/,
    ],
    ['a text for yes or no', chat({ members: 'yes' }), /\.members: expected true or false/],
    ['a call that is none', { calls: { f: {} } }, /^calls\["f"\]: expected call\(/],
    [
      'a call without output',
      { calls: { f: { kind: 'call', input: data, errors: {} } } },
      /^calls\["f"\]\.output: expected a schema/,
    ],
    [
      'an error without a schema',
      { clientCalls: { f: { kind: 'call', input: data, output: data, errors: { gone: 1 } } } },
      /^clientCalls\["f"\]\.errors\["gone"\]: expected a schema/,
    ],
    [
      'a call that may take for ever',
      { calls: { f: call({ input: data, output: data, timeoutMs: Infinity }) } },
      /^calls\["f"\]\.timeoutMs: expected a whole number from 1 to 600000/,
    ],
    [
      'a name with a space',
      { calls: { 'a b': call({ input: data, output: data }) } },
      /^calls\["a b"\]: a name has 1 to 128/,
    ],
    ['a name of 129 characters', { broadcasts: { ['x'.repeat(129)]: data } }, /a name has 1 to 128/],
    [
      'a broadcast without a schema',
      { broadcasts: { note: {} } },
      /^broadcasts\["note"\]: expected a schema/,
    ],
    [
      'a presence field without a length',
      { presence: { a: '128' } },
      /^presence\.a: expected the most characters/,
    ],
    ['a presence field that is too long', { presence: { a: 1025 } }, /^presence\.a: .* from 1 to 1024/],
    ['a part that is no table', { calls: [] }, /^calls: expected an object/],
  ])('%s', (_title, parts, line) => {
    expect(define(parts)).toThrow(ContractError);
    expect(define(parts)).toThrow(line);
    try {
      define(parts)();
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it.each(Object.entries(BOUNDS))('%s may be %j, and nothing beyond', (path, [min, max]) => {
    const [name = '', inner] = path.split('.');
    const withValue = (value: number): unknown => {
      const option = { [name]: inner === undefined ? value : { [inner]: value } };
      if (name === 'timeoutMs') return { calls: { f: call({ input: data, output: data, ...option }) } };
      if (name === 'flushMs') return one('a', signal({ data, ...option }));
      if (Object.hasOwn(DEFAULTS.document, name) && !Object.hasOwn(DEFAULTS.map, name))
        return one('a', document(option));
      return one('a', map({ data, ...option }));
    };
    for (const value of [min, max]) expect(define(withValue(value))).not.toThrow();
    for (const value of [min - 1, max + 1, NaN]) expect(define(withValue(value))).toThrow(path);
  });
});
