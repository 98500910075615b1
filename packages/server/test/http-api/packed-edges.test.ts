import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEdgePacker } from '../../src/gateways/http-api/packed-edges.ts';

it('gives back the edges that were added, as often as they are read', () => {
  const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 255 });
  fc.assert(
    fc.property(fc.array(fc.tuple(id, id), { minLength: 1, maxLength: 40 }), fc.nat(200), (some, times) => {
      const edges = Array.from({ length: times }, () => some).flat();
      const packer = createEdgePacker();
      for (const [follower, followee] of edges) packer.add(follower, followee);
      expect(packer.count()).toBe(edges.length);
      const list = packer.take();
      expect(list).toHaveLength(edges.length);
      expect([...list]).toEqual(edges);
      expect([...list]).toEqual(edges);
    }),
    { numRuns: 60 },
  );
});

it('what was taken is not changed by what is added after it', () => {
  const packer = createEdgePacker();
  packer.add('alice', 'bob');
  const first = packer.take();
  expect(packer.count()).toBe(0);
  packer.add('carol', 'dave');
  packer.add('erin', '💚');
  expect([...first]).toEqual([['alice', 'bob']]);
  expect([...packer.take()]).toEqual([
    ['carol', 'dave'],
    ['erin', '💚'],
  ]);
  expect([...packer.take()]).toEqual([]);
});
