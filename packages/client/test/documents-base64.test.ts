import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromBase64, tableFromBase64, tableToBase64, toBase64 } from '../src/core/document/base64.ts';

/** RFC 4648, section 10. */
const VECTORS = [
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
] as const;

it.each(VECTORS)(
  'writes and reads the test vector %j of RFC 4648, with and without what the browser has',
  (text, encoded) => {
    const bytes = new TextEncoder().encode(text);
    for (const write of [toBase64, tableToBase64]) expect(write(bytes)).toBe(encoded);
    for (const read of [fromBase64, tableFromBase64]) expect([...read(encoded)!]).toEqual([...bytes]);
  },
);

it('writes what Node writes, and reads it again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const encoded = Buffer.from(bytes).toString('base64');
      for (const write of [toBase64, tableToBase64]) expect(write(bytes)).toBe(encoded);
      for (const read of [fromBase64, tableFromBase64]) expect([...read(encoded)!]).toEqual([...bytes]);
    }),
  );
});

it.each(['Z', 'Zg', 'Zg=', 'Zg==Zg==', 'Z===', 'Zm9_', '====', 'Zm9vé'])('refuses %j', (text) => {
  expect(tableFromBase64(text)).toBeUndefined();
});
