import fc from 'fast-check';
import { expect, it } from 'vitest';
import { edgesOf, takePiece, unpackInTurns } from '../../src/adapters/sql/import-pieces.ts';
import { type PackedNames, packNames } from '../../src/adapters/sql/packed-names.ts';
import type { EdgePair } from '../../src/ports/directory.ts';

function piecesOf(edges: readonly EdgePair[]): readonly PackedNames[] {
  const rest = edges[Symbol.iterator]();
  const pieces: PackedNames[] = [];
  for (let piece = takePiece(rest); piece !== null; piece = takePiece(rest)) pieces.push(piece);
  return pieces;
}

it('edges come out of pieces as they went in, whatever is in the names', () => {
  const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(fc.tuple(id, id), { maxLength: 50 }), fc.nat(120), (some, times) => {
      const edges = Array.from({ length: times }, () => some).flat();
      expect([...edgesOf(piecesOf(edges))]).toEqual(edges);
    }),
    { numRuns: 200 },
  );
});

it('a piece is at most 1,024 edges, and at most half a million characters and one edge', () => {
  const short = Array.from({ length: 2_500 }, (_, i) => [`a${i}`, `b${i}`] as const);
  expect(piecesOf(short).map(({ lengths }) => lengths.length / 2)).toEqual([1_024, 1_024, 452]);
  const long = Array.from({ length: 2_000 }, () => ['x'.repeat(1_000), 'y'.repeat(1_000)] as const);
  const sizes = piecesOf(long).map(({ text }) => text.length);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(4_000_000);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(512 * 1024 + 2_000);
});

it('thousands of names are unpacked in turns', async () => {
  const names = Array.from({ length: 5_000 }, (_, i) => `n${i}`);
  let turns = 0;
  expect(await unpackInTurns(packNames(names), async () => void turns++)).toEqual(names);
  expect(turns).toBe(2);
});
