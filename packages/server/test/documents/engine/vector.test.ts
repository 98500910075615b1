import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { decodeVector, encodeVector } from '../../../src/adapters/yjs/vector.ts';

const number = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.maxSafeNat());

describe('[DOC1] state vectors', () => {
  it('are written as Yjs writes them, and read back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number), { maxLength: 30 }), (entries) => {
        const vector = new Map(entries);
        const bytes = encodeVector(vector);
        expect(bytes).toEqual(Y.encodeStateVector(vector));
        expect(decodeVector(bytes)).toEqual(vector);
      }),
    );
  });

  it('that are malformed are none', () => {
    for (const bytes of [
      [],
      [1],
      [1, 1],
      [0, 0],
      [2, 1, 1, 1, 2],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1],
      Array.from({ length: 40 }, () => 0xff),
    ])
      expect(decodeVector(Uint8Array.from(bytes))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodeVector(bytes)));
  });
});
