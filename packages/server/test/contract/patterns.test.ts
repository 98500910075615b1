import { channelName } from '@carillon/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelSpec } from '../../src/core/channel/channel-spec.ts';
import { compilePatterns } from '../../src/core/channel/patterns.ts';

/** Only the pattern counts here. */
const spec = (pattern: string): ChannelSpec => ({ pattern }) as ChannelSpec;
const match = (patterns: readonly string[], name: string) => {
  const result = compilePatterns(patterns.map(spec)).match(name);
  return result.ok ? [result.spec.pattern, result.params] : [result.code, result.detail];
};

const CONTRACT = [
  'lobby',
  'chat:{room}',
  'chat:{room}/typing',
  'tasks:{user}',
  'doc:{id}:v{version}.draft',
  '{tenant}/log',
  '{tenant}/log/{day}',
  'a:b{x}c',
  'café:{table}',
];

describe('[CHN1] a name fits one pattern', () => {
  it.each<[string, string, Record<string, string>]>([
    ['lobby', 'lobby', {}],
    ['chat:main', 'chat:{room}', { room: 'main' }],
    ['chat:main/typing', 'chat:{room}/typing', { room: 'main' }],
    ['chat:a%20b', 'chat:{room}', { room: 'a b' }],
    ['chat:a%3Ab', 'chat:{room}', { room: 'a:b' }],
    ['tasks:auth0%7C1', 'tasks:{user}', { user: 'auth0|1' }],
    ['doc:7:v2.draft', 'doc:{id}:v{version}.draft', { id: '7', version: '2' }],
    ['doc:7:vv.draft.draft', 'doc:{id}:v{version}.draft', { id: '7', version: 'v.draft' }],
    ['acme/log', '{tenant}/log', { tenant: 'acme' }],
    ['acme/log/2026-08-01', '{tenant}/log/{day}', { tenant: 'acme', day: '2026-08-01' }],
    ['a:bcc', 'a:b{x}c', { x: 'c' }],
    ['a:b%2Fc', 'a:b{x}c', { x: '/' }],
    ['café:1', 'café:{table}', { table: '1' }],
    ['chat:toString', 'chat:{room}', { room: 'toString' }],
    ['chat:%C3%A9', 'chat:{room}', { room: 'é' }],
  ])('%s fits %s', (name, pattern, params) => {
    expect(match(CONTRACT, name)).toEqual([pattern, params]);
  });

  it.each([
    ['', /1 to 255 characters, not 0/],
    ['x'.repeat(256), /not 256/],
    [`chat:${'x'.repeat(10_000)}`, /not 10005/],
    ['chat:a\u0000', /control character/],
    ['chat:a\n', /control character/],
    ['chat:a\u0085', /control character/],
    ['nobody\u0007', /control character/],
    ['chat:\ud800', /lone surrogate/],
    ['chat:', /chat:\{room\}: a parameter is percent-encoded/],
    ['chat:a b', /percent-encoded/],
    ['chat:a:b', /percent-encoded/],
    ['chat:é', /percent-encoded/],
    ['chat:%', /percent-encoded/],
    ['chat:%2', /percent-encoded/],
    ['chat:%zz', /percent-encoded/],
    ['chat:%2f', /upper-case/],
    ['chat:%41', /percent-encoded/],
    ['chat:%00', /percent-encoded/],
    ['chat:%0A', /percent-encoded/],
    ['chat:%C3', /percent-encoded/],
    ['chat:%C0%AF', /percent-encoded/],
    ['chat:%ED%A0%80', /percent-encoded/],
    ['a:bc', /a:b\{x\}c: .* not empty/],
    ['doc::v2.draft', /doc:\{id\}:v\{version\}\.draft/],
  ])('%j is channel_invalid', (name, detail) => {
    expect(match(CONTRACT, name)).toEqual(['channel_invalid', expect.stringMatching(detail)]);
  });

  it.each([
    'lobby2',
    'lob',
    'Lobby',
    'chats:main',
    'task:alice',
    'acme',
    'a:b%2Fc%',
    'a:c',
    'cafe:1',
    '{room}',
  ])('%s is channel_unknown', (name) => {
    expect(match(CONTRACT, name)).toEqual(['channel_unknown', 'the contract has no pattern that it fits']);
  });

  it('a contract without channels knows none', () => {
    expect(match([], 'chat:main')[0]).toBe('channel_unknown');
  });

  it('a suffix never cuts an encoded octet in two', () => {
    expect(match(['x:{a}F'], 'x:%2F')[0]).toBe('channel_invalid');
    expect(match(['x:{a}F'], 'x:%2FF')).toEqual(['x:{a}F', { a: '/' }]);
  });

  it('a pattern that was never checked is refused', () => {
    expect(() => compilePatterns([spec('{a}{b}')])).toThrow(/tells \{a\} and \{b\} apart/);
  });
});

describe('[CHN1] names and parameters', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...'a b v . : / % { } F 2 -'.split(' ')), minLength: 1, maxLength: 8 }),
  );
  const patterns = compilePatterns(CONTRACT.map(spec));

  it('the name that a pattern has with any parameters is found again, with them', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CONTRACT),
        fc.array(value, { minLength: 2, maxLength: 2 }),
        (pattern, values) => {
          const params: Record<string, string> = {};
          for (const [, parameter = ''] of pattern.matchAll(/\{(\w+)\}/g))
            params[parameter] = values[Object.keys(params).length] ?? '';
          const named = channelName(pattern, params);
          fc.pre(named.ok);
          if (named.ok) expect(patterns.match(named.name)).toEqual({ ok: true, spec: spec(pattern), params });
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('any text is answered; one that fits is the one name of its channel', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .tuple(
          fc.constantFrom('chat:', 'doc:', 'acme', 'a:b', 'tasks:', ''),
          fc.string({
            unit: fc.constantFrom(...'a b c v . : / % 2 4 7 F f C 3 E 9 d r t l o g'.split(' ')),
            maxLength: 10,
          }),
          fc.constantFrom('', '/typing', '.draft', '/log', 'c'),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (name) => {
        const result = patterns.match(name);
        if (!result.ok) return;
        expect(channelName(result.spec.pattern, result.params)).toEqual({ ok: true, name });
      }),
      { numRuns: 5_000 },
    );
  });
});
