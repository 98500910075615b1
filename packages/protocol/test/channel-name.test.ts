import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelName, encodeParameter, isParameterValue, parsePattern } from '@carillon/protocol';

describe('[CHN1] the name of a channel', () => {
  it.each([
    ['lobby', {}, 'lobby'],
    ['chat:{room}', { room: 'main' }, 'chat:main'],
    ['chat:{room}', { room: 'a b' }, 'chat:a%20b'],
    ['tasks:{user}', { user: 'auth0|1' }, 'tasks:auth0%7C1'],
    ['doc:{a}/{b}', { a: 'x/y', b: '50%' }, 'doc:x%2Fy/50%25'],
    ['chat:{room}', { room: "-._~!'()*" }, 'chat:-._~%21%27%28%29%2A'],
    ['chat:{room}', { room: '{room}' }, 'chat:%7Broom%7D'],
    ['chat:{room}', { room: '$&' }, 'chat:%24%26'],
    ['chat:{room}', { room: 'é😀' }, 'chat:%C3%A9%F0%9F%98%80'],
    ['chat:{room}', { room: 'a', more: 'ignored' }, 'chat:a'],
  ])('%s with %j is %s', (pattern, params: Record<string, string>, name) => {
    expect(channelName(pattern, params)).toEqual({ ok: true, name });
  });

  it.each<[string, Record<string, unknown>]>([
    ['a parameter that is missing', {}],
    ['one that is inherited', Object.create({ room: 'x' }) as Record<string, unknown>],
    ['no text', { room: 1 }],
    ['an empty text', { room: '' }],
    ['a control character', { room: 'a\nb' }],
    ['a lone surrogate', { room: '\ud800' }],
    ['256 characters', { room: 'x'.repeat(256) }],
    ['a name that grows too long by its encoding', { room: '|'.repeat(100) }],
  ])('%s gives none, and says why', (_title, params) => {
    const result = channelName('chat:{room}', params as Record<string, string>);
    expect(result).toMatchObject({ ok: false, detail: expect.stringMatching(/room: expected|at most 255/) });
  });

  it('has 255 characters at most: one more is refused', () => {
    expect(channelName('c:{r}', { r: 'x'.repeat(253) })).toMatchObject({ ok: true });
    expect(channelName('c:{r}', { r: 'x'.repeat(254) })).toMatchObject({ ok: false });
  });

  it('values come back from RFC 3986 decoding as they were', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (value) => {
        fc.pre(isParameterValue(value));
        const encoded = encodeParameter(value);
        expect(encoded).toMatch(/^(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})+$/);
        expect(decodeURIComponent(encoded)).toBe(value);
      }),
    );
  });
});

describe('[CHN1] patterns', () => {
  it.each([
    ['lobby', ['lobby'], []],
    ['chat:{room}', ['chat:', ''], ['room']],
    ['{a}:{b}', ['', ':', ''], ['a', 'b']],
    ['a{x}b:c{y}d', ['a', 'b:c', 'd'], ['x', 'y']],
    ['café/{room2}', ['café/', ''], ['room2']],
  ])('%s is taken apart', (pattern, literals, parameters) => {
    expect(parsePattern(pattern)).toEqual({ ok: true, parsed: { pattern, literals, parameters } });
  });

  it.each([
    ['', /is empty/],
    ['x'.repeat(256), /more than 255/],
    ['chat:{}', /parameter without a name/],
    ['chat:{Room}', /parameter "Room"/],
    ['chat:{1}', /parameter "1"/],
    ['chat:{__proto__}', /parameter "__proto__"/],
    ['chat:{a b}', /parameter "a b"/],
    [`chat:{${'x'.repeat(33)}}`, /1 to 32/],
    ['chat:{room', /\{ without its \}/],
    ['chat:room}', /\} without its \{/],
    ['chat:{{room}}', /parameter "\{room"/],
    ['{a}:{b}:{a}', /\{a\} twice/],
    ['{a}{b}', /tells \{a\} and \{b\} apart/],
    ['{a}-{b}', /tells \{a\} and \{b\} apart/],
    ['{a}x1.{b}', /tells \{a\} and \{b\} apart/],
    ['chat%3A{room}', /has a %/],
    ['chat\u0000{room}', /control character/],
    ['chat\u007f', /control character/],
    ['chat\u009f', /control character/],
    ['chat\ud800:{room}', /lone surrogate/],
  ])('%j is refused', (pattern, detail) => {
    expect(parsePattern(pattern)).toEqual({ ok: false, detail: expect.stringMatching(detail) });
  });
});
