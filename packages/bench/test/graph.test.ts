import { describe, expect, it } from 'vitest';
import { fullListBytes, fullListBytesPerChange } from '../src/graph/full-list.ts';
import { generateGraph } from '../src/graph/generate-edges.ts';
import { type Graph, followees, followersAmong, graphOf, toCsv } from '../src/graph/graph.ts';
import { EdgeFileError, parseEdges } from '../src/graph/read-edges.ts';

const edgesOf = (graph: Graph): string[] => toCsv(graph).trimEnd().split('\n');

describe('a file of edges', () => {
  it('is read as pairs of numbers, and people keep theirs', () => {
    expect(parseEdges('0,23977\n1,34526\n')).toEqual([
      [0, 23977],
      [1, 34526],
    ]);
    expect(graphOf([[0, 7]], true, '').people).toBe(8);
  });

  it.each(['a,b', '1', '1,2,3', '-1,2', '1.5,2', '1,', '1,99999999'])(
    '%s is no edge, and says where',
    (line) => {
      expect(() => parseEdges(`0,1\n${line}\n`)).toThrow(new EdgeFileError('line 2: not a pair of numbers'));
    },
  );

  it('stands for both directions only where it is mutual', () => {
    const pairs = [
      [0, 1],
      [2, 0],
    ] as const;
    expect(edgesOf(graphOf(pairs, true, ''))).toEqual(['0,1', '1,0', '2,0', '0,2']);
    expect(edgesOf(graphOf(pairs, false, ''))).toEqual(['0,1', '2,0']);
  });
});

describe('who is online', () => {
  /** 0 and 1 follow each other, 2 follows 0, 0 follows 3. */
  const graph = graphOf(
    [
      [0, 1],
      [1, 0],
      [2, 0],
      [0, 3],
    ],
    false,
    '',
  );

  it('followers are those among the online, by whom they follow', () => {
    expect(followersAmong(graph, 4)).toEqual([
      [0, 1],
      [0, 2],
      [1, 0],
      [3, 0],
    ]);
    expect(followersAmong(graph, 2)).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('followees are counted whole and among the online', () => {
    const counted = followees(graph, 2);
    expect([...counted.all]).toEqual([2, 1, 1, 0]);
    expect([...counted.online]).toEqual([1, 1, 1, 0]);
  });

  it('a full list takes what its JSON and its header take', () => {
    const sync = {
      t: 'sync',
      users: [
        { username: '1', s: 'Online', a: 'hello' },
        { username: '3', s: 'Offline' },
      ],
    };
    expect(fullListBytes(graph, 3, 'hello'.length)[0]).toBe(JSON.stringify(sync).length + 2);
    const long = { t: 'sync', users: [{ username: '0', s: 'Online', a: 'x'.repeat(100) }] };
    expect(fullListBytes(graph, 3, 100)[1]).toBe(JSON.stringify(long).length + 4);
  });

  it('a change by full lists costs the lists of the online followers', () => {
    const bytes = fullListBytes(graph, 3, 5);
    // Followers who are online: of 0 they are 1 and 2, of 1 it is 0, of 2 nobody.
    expect(fullListBytesPerChange(graph, 3, 5)).toBeCloseTo((bytes[1]! + bytes[2]! + bytes[0]!) / 3);
  });
});

describe('a generated graph', () => {
  const graph = generateGraph(5, 2_000, 8);

  it('is the same for the same seed, and another for another', () => {
    expect(generateGraph(5, 2_000, 8)).toEqual(graph);
    expect(generateGraph(6, 2_000, 8).to).not.toEqual(graph.to);
  });

  it('has the size that was asked for, no loop and no edge twice', () => {
    const edges = edgesOf(graph);
    // The first eight find fewer people to befriend than they would like.
    expect(edges.length).toBe(2 * (1_999 * 8 - (7 + 6 + 5 + 4 + 3 + 2 + 1)));
    expect(new Set(edges).size).toBe(edges.length);
    expect(edges.filter((edge) => edge.split(',')[0] === edge.split(',')[1])).toEqual([]);
  });

  it('has a few people with very many friends, and most with few', () => {
    const friends = [...followees(graph, 2_000).all].toSorted((a, b) => b - a);
    expect(friends[0]!).toBeGreaterThan(100);
    expect(friends[1_000]!).toBeLessThan(16);
    expect(friends[1_999]!).toBeGreaterThan(0);
  });
});
