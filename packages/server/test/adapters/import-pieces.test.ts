import fc from 'fast-check';
import { expect, it } from 'vitest';
import { piecesOf, unpackInTurns } from '../../src/adapters/sql/import-pieces.ts';
import { packNames } from '../../src/ports/packed-names.ts';

const noPause = async (): Promise<void> => undefined;

it('edges come out of pieces as they went in, whatever is in the names', async () => {
  const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(id, id), { maxLength: 50 }), fc.nat(120), async (some, times) => {
      const edges = Array.from({ length: times }, () => some).flat();
      const names: string[] = [];
      for (const piece of piecesOf(edges)) names.push(...(await unpackInTurns(piece, noPause)));
      expect(names).toEqual(edges.flat());
    }),
    { numRuns: 100 },
  );
});

it('a list that is packed already is taken as it is', () => {
  const packed = [packNames(['alice', 'bob']), packNames(['carol', 'dave'])];
  const list = {
    packed,
    length: 2,
    [Symbol.iterator](): never {
      throw new Error('was read');
    },
  };
  expect([...piecesOf(list)]).toEqual(packed);
});

it('a piece is at most 1,024 edges, and at most half a million characters and one edge', () => {
  const short = Array.from({ length: 2_500 }, (_, i) => [`a${i}`, `b${i}`] as const);
  expect([...piecesOf(short)].map(({ lengths }) => lengths.length / 2)).toEqual([1_024, 1_024, 452]);
  const long = Array.from({ length: 2_000 }, () => ['x'.repeat(1_000), 'y'.repeat(1_000)] as const);
  const sizes = [...piecesOf(long)].map(({ text }) => text.length);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(4_000_000);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(512 * 1024 + 2_000);
});

it('thousands of names are unpacked in turns', async () => {
  const names = Array.from({ length: 5_000 }, (_, i) => `n${i}`);
  let turns = 0;
  expect(await unpackInTurns(packNames(names), async () => void turns++)).toEqual(names);
  expect(turns).toBe(2);
});
