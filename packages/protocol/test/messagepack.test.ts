import fc from 'fast-check';
import notepack from 'notepack.io';
import { describe, expect, it } from 'vitest';
import { decodePackedUp, decodeUp, MAX_PACKED_DEPTH, pack, unpack } from '../src/index.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const hex = (packed: Uint8Array): string => Buffer.from(packed).toString('hex');
const ascii = (text: string): string => Buffer.from(text).toString('hex');

describe('packing', () => {
  it.each<[string, string]>([
    ['{"t":"hb"}', '81 a174 a26862'],
    ['{"t":"u","id":"bob","a":"Müsli 🥣"}', `83 a174 a175 a26964 a3626f62 a161 ab${ascii('Müsli 🥣')}`],
    ['[0,127,128,255,256,65535,65536,4294967295]', '98 00 7f cc80 ccff cd0100 cdffff ce00010000 ceffffffff'],
    ['[4294967296,9007199254740991]', '92 cf0000000100000000 cf001fffffffffffff'],
    [
      '[-1,-32,-33,-128,-129,-32768,-32769,-2147483648]',
      '98 ff e0 d0df d080 d1ff7f d18000 d2ffff7fff d280000000',
    ],
    ['[-2147483649,-9007199254740991]', '92 d3ffffffff7fffffff d3ffe0000000000001'],
    ['[0.5,0.1,1e300,-0]', '94 ca3f000000 cb3fb999999999999a cb7e37e43c8800759c ca80000000'],
    ['[null,true,false,[],{},""]', '96 c0 c3 c2 90 80 a0'],
  ])('[PACK1] %s takes the shortest form of each', (json, expected) => {
    expect(hex(pack(JSON.parse(json)))).toBe(expected.replaceAll(' ', ''));
  });

  it.each<[number, string]>([
    [31, 'bf'],
    [32, 'd920'],
    [255, 'd9ff'],
    [256, 'da0100'],
    [65_535, 'daffff'],
    [65_536, 'db00010000'],
  ])('[PACK1] a text of %i bytes has the head %s, of whatever characters', (length, head) => {
    for (const text of ['x'.repeat(length), `€${'x'.repeat(length - 3)}`, `${'x'.repeat(length - 2)}ü`]) {
      expect(hex(pack(text))).toBe(head + ascii(text));
      expect(unpack(pack(text))).toEqual({ ok: true, value: text });
    }
  });

  it.each<[number, string, string]>([
    [15, '9f', '8f'],
    [16, 'dc0010', 'de0010'],
    [65_535, 'dcffff', 'deffff'],
    [65_536, 'dd00010000', 'df00010000'],
  ])('[PACK1] a list and a map of %i have the heads %s and %s', (size, list, map) => {
    const items = Array.from({ length: size }, (_, i) => i);
    const entries = Object.fromEntries(items.map((i) => [`k${i}`, i]));
    expect(hex(pack(items)).startsWith(list)).toBe(true);
    expect(hex(pack(entries)).startsWith(map)).toBe(true);
    for (const value of [items, entries]) {
      const back = unpack(pack(value));
      expect(back.ok && JSON.stringify(back.value) === JSON.stringify(value)).toBe(true);
    }
  });

  it('a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD', () => {
    expect(hex(pack({ '\ud800': 'a\udc00' }))).toBe('81a3efbfbda461efbfbd');
  });

  it('what names or shadows the methods of objects is data', () => {
    const json =
      '{"__proto__":{"a":1},"constructor":1,"toJSON":2,"hasOwnProperty":3,"toString":4,"then":5,"length":6}';
    const back = unpack(pack(JSON.parse(json)));
    expect(back.ok && JSON.stringify(back.value)).toBe(json);
    expect(back.ok && Object.getPrototypeOf(back.value)).toBe(Object.prototype);
  });

  it('is what another implementation reads, and reads what that one writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        // Which it loses.
        fc.pre(!json.includes('"__proto__"'));
        expect(JSON.stringify(notepack.decode(Buffer.from(pack(value))))).toBe(json);
        // It writes whole numbers beyond 2^53 as integers.
        fc.pre(!/\d{16}|e\+/.test(json));
        const back = unpack(notepack.encode(value));
        expect(back.ok && JSON.stringify(back.value)).toBe(json);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves room for a header, and gives each caller bytes of its own', () => {
    const first = pack('a', 3);
    const second = pack('b', 3);
    expect([hex(first.subarray(3)), hex(second.subarray(3))]).toEqual(['a161', 'a162']);
    expect(first.buffer).not.toBe(second.buffer);
  });
});

describe('unpacking', () => {
  it.each<[string, string, string]>([
    ['nothing at all', '', 'it ends too early'],
    ['the byte that is never used', 'c1', 'an extension type'],
    ['an extension', '81 a174 d40000', 'an extension type'],
    ['a timestamp', 'd6ff00000001', 'an extension type'],
    ['a record of msgpackr', 'd47240 91a161 01', 'an extension type'],
    ['an extension with 32 bits of length', 'c9ffffffff72', 'an extension type'],
    ['binary data', '81 a164 c40100', 'binary data'],
    ['NaN', 'cb7ff8000000000000', 'a number that is not finite'],
    ['Infinity', 'ca7f800000', 'a number that is not finite'],
    ['2^53', 'cf0020000000000000', 'an integer beyond 2^53'],
    ['2^64 - 1', 'cfffffffffffffffff', 'an integer beyond 2^53'],
    ['-2^53', 'd3ffe0000000000000', 'an integer beyond 2^53'],
    ['a key that is a number', '81 01 02', 'a key that is no string'],
    ['a key that is nothing', '81 c0 02', 'a key that is no string'],
    ['a key that is a map', '81 80 02', 'a key that is no string'],
    ['a key twice', '82 a161 01 a161 02', 'a key twice'],
    ['__proto__ twice', `82 a9${ascii('__proto__')} 80 a9${ascii('__proto__')} 80`, 'a key twice'],
    ['bytes behind it', '80 80', 'more than one value'],
    ['a text that ends too early', 'a3 6161', 'it ends too early'],
    ['a text of 4 GB', 'dbffffffff 61', 'it ends too early'],
    ['a list of 4 billion', 'ddffffffff 01', 'it ends too early'],
    ['a map of 4 billion', 'dfffffffff a16101', 'it ends too early'],
    ['a map without its last value', '81 a161', 'it ends too early'],
    ['a number that ends too early', 'cd01', 'it ends too early'],
    ['a key that ends too early', '82 a161 01 a2', 'it ends too early'],
    ['text that is no UTF-8', 'a2c328', 'text that is not UTF-8'],
    ['a surrogate in UTF-8', 'a3eda080', 'text that is not UTF-8'],
    ['a key that is no UTF-8', '81 a1ff 01', 'text that is not UTF-8'],
  ])('[PACK2] %s (%s) is refused: %s', (_what, frame, detail) => {
    expect(unpack(bytes(frame))).toEqual({ ok: false, detail });
    expect(decodePackedUp(bytes(frame))).toMatchObject({ ok: false, code: 'bad_message' });
  });

  it('a text of U+FEFF keeps it', () => {
    expect(unpack(bytes('a6 efbbbf efbbbf'))).toEqual({ ok: true, value: '\ufeff\ufeff' });
  });

  it('[PACK2] nesting is taken down to 128 levels, and a frame of opening bytes ends nothing', () => {
    const nested = (depth: number, open: string): Uint8Array =>
      bytes(`${open.repeat(depth - 1)}${open === '91' ? '90' : '80'}`);
    for (const open of ['91', '81a161']) {
      expect(unpack(nested(MAX_PACKED_DEPTH, open))).toMatchObject({ ok: true });
      const refused = { ok: false, detail: 'nested deeper than 128 levels' };
      expect(unpack(nested(MAX_PACKED_DEPTH + 1, open))).toEqual(refused);
      expect(unpack(nested(60_000, open))).toEqual(refused);
    }
  });

  it('[PACK2] a __proto__ in a message changes no prototype and supplies no field', () => {
    const login = `81 a9${ascii('__proto__')} 82 a174 a5${ascii('login')} a1 61 01`;
    expect(decodePackedUp(bytes(login))).toMatchObject({ ok: false, detail: 't: expected a string' });
    expect(Object.hasOwn(Object.prototype, 't')).toBe(false);
  });

  it('[PACK2] what is no map is refused, and a misfit names its field and its request', () => {
    expect(decodePackedUp(bytes('90'))).toEqual({ ok: false, code: 'bad_message', detail: 'not a map' });
    expect(decodePackedUp(bytes('82 a174 a568656c6c6f a169 07'))).toEqual({
      ok: false,
      code: 'unknown_type',
      detail: 't: "hello" is not known',
      i: 7,
    });
  });

  it('[PACK1] every JSON object decodes to the same, packed or as text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.dictionary(fc.string(), fc.jsonValue()),
          fc.record(
            {
              t: fc.constantFrom('pub', 'hb', 'login', 'statusUpdate'),
              c: fc.string(),
              d: fc.jsonValue(),
              i: fc.nat(),
            },
            { requiredKeys: ['t'] },
          ),
        ),
        (message) => {
          // What JSON can say: a zero below zero is none in its text as it is written.
          const text = JSON.stringify(message);
          expect(decodePackedUp(pack(JSON.parse(text)))).toEqual(decodeUp(text));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('[PACK2] random bytes, and good frames with bytes changed, end in a value of JSON or a refusal', () => {
    const mangled = fc
      .tuple(fc.jsonValue(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([value, changes]) => {
        const frame = pack(value);
        for (const [at, byte] of changes) frame[at % frame.length] = byte;
        return frame;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mangled), (frame) => {
        const unpacked = unpack(frame);
        if (!unpacked.ok) return;
        // A value of JSON is what its own text says.
        const json = JSON.stringify(unpacked.value);
        expect(JSON.stringify(JSON.parse(json))).toBe(json);
        expect(unpack(pack(unpacked.value))).toEqual(unpacked);
      }),
      { numRuns: 3_000 },
    );
  });
});
