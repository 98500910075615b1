import { describe, expect, it } from 'vitest';
import { judgeLeases } from '../../src/core/cluster/judge-leases.ts';
import type { NodeLease } from '../../src/ports/cluster.ts';

const NOW = 1_000_000;
const GRACE = 60_000;

function lease(node: string, leftMs: number, held = false): NodeLease {
  const expiresAtMs = NOW + leftMs;
  return { node, expiresAtMs, sweepAtMs: expiresAtMs + GRACE, held };
}

describe('leases', () => {
  it('a node whose lease lapsed is dead, and swept one grace later, not before', () => {
    const others = [lease('a', 20_000), lease('b', 25_000)];
    expect(judgeLeases([...others, lease('c', 0)], 'a', NOW)).toEqual({
      live: ['a', 'b'],
      overdue: [],
      spared: [],
    });
    expect(judgeLeases([...others, lease('c', 1 - GRACE)], 'a', NOW).overdue).toEqual([]);
    expect(judgeLeases([...others, lease('c', -GRACE)], 'a', NOW).overdue).toEqual(['c']);
  });

  it('where more than half lapsed together nobody is swept: it was the store', () => {
    const gone = [lease('b', -GRACE), lease('c', -GRACE)];
    expect(judgeLeases([lease('a', 20_000), ...gone], 'a', NOW)).toEqual({
      live: ['a'],
      overdue: [],
      spared: ['b', 'c'],
    });
  });

  it('one’s own lease counts among those that lapsed, and is never swept', () => {
    const leases = [lease('a', -GRACE), lease('b', -GRACE), lease('c', 20_000)];
    expect(judgeLeases(leases, 'a', NOW)).toEqual({ live: ['a', 'c'], overdue: [], spared: ['b'] });
  });

  it('exactly half is no outage: of two nodes one may die', () => {
    expect(judgeLeases([lease('a', 20_000), lease('b', -GRACE)], 'a', NOW).overdue).toEqual(['b']);
  });

  it('is put off once, not for ever: nodes that stay dead are swept in the end', () => {
    const held = [lease('b', -GRACE, true), lease('c', -GRACE, true)];
    expect(judgeLeases([lease('a', 20_000), ...held], 'a', NOW)).toEqual({
      live: ['a'],
      overdue: ['b', 'c'],
      spared: [],
    });
  });

  it('a store that knows nobody leaves this node alone', () => {
    expect(judgeLeases([], 'a', NOW)).toEqual({ live: ['a'], overdue: [], spared: [] });
  });
});
