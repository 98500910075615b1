import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { replaceSection } from '../src/report/document.ts';
import { devicesOf } from '../src/scenarios/crowd-devices.ts';
import { latenciesIn } from '../src/scenarios/crowd-latencies.ts';
import { SCENARIOS } from '../src/arguments.ts';

describe('the crowd', () => {
  it.each([
    [37_700, 100_000, 37_700, 100_000],
    [37_700, 50_000, 20_000, 50_000],
    [1_000, 100_000, 1_000, 3_000],
  ])(
    'of %i people and %i connections: everybody has two or three devices',
    (inGraph, asked, people, held) => {
      const crowd = devicesOf(inGraph, asked);
      expect(crowd.people).toBe(people);
      expect(crowd.devices).toHaveLength(held);
      const devices = new Map<number, number[]>();
      for (const { person, number } of crowd.devices)
        devices.set(person, [...(devices.get(person) ?? []), number]);
      expect(devices.size).toBe(people);
      for (const numbers of devices.values())
        expect([[0, 1].join(), [0, 1, 2].join()]).toContain(numbers.join());
    },
  );

  it('tells the latencies of several generators as one', () => {
    const lines = [
      { maxMs: 9, latencies: Array.from({ length: 90 }, (_, i) => [1_000 + i, 1]) },
      {
        maxMs: 70,
        latencies: [
          [8_000, 8],
          [70_000, 2],
        ],
      },
    ];
    expect(latenciesIn(lines)).toEqual({ p50Ms: 1.05, p95Ms: 8, p99Ms: 70, maxMs: 70 });
    expect(() => latenciesIn([{ maxMs: 1 }])).toThrow('no latencies');
  });
});

describe('the document', () => {
  const document = readFileSync(join(import.meta.dirname, '../../../docs/benchmarks.md'), 'utf8');
  it.each(SCENARIOS)('has a place for the results of %s', (name) => {
    expect(replaceSection(document, { name, text: 'measured' })).toContain(
      `<!-- bench:${name} -->\n\nmeasured\n\n`,
    );
  });
});
