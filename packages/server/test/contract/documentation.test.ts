import { readFileSync } from 'node:fs';
import { BOUNDS, CHOICES, DEFAULTS } from '@carillon/contract';
import { describe, expect, it } from 'vitest';
import { MAX_JSON_DEPTH } from '../../src/server/contract/json-value.ts';
import { MAX_DETAIL } from '../../src/server/contract/validate.ts';
import { tableAfter } from '../config/markdown-table.ts';

const page = readFileSync(new URL('../../../../docs/contract.md', import.meta.url), 'utf8');

const KINDS = ['stream', 'map', 'signal', 'document', 'call'] as const;

type Leaf = string | number | boolean | null;

/** `history.count` of `{ history: { count } }`. */
function leavesOf(table: object, path = ''): [string, Leaf][] {
  return Object.entries(table).flatMap(([name, value]: [string, Leaf | object]) =>
    typeof value === 'object' && value !== null ? leavesOf(value, `${path}${name}.`) : [[path + name, value]],
  ) as [string, Leaf][];
}

function shown(value: Leaf | undefined): string {
  if (value === undefined) return '';
  if (value === null) return 'never';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' ? String(value) : `\`${value}\``;
}

describe('docs/contract.md', () => {
  const rows = tableAfter(page, '## Options');

  it('lists every option of every kind with its default and its bounds', () => {
    const defaults = KINDS.map((kind) => new Map(leavesOf(DEFAULTS[kind])));
    const names = new Set(defaults.flatMap((options) => [...options.keys()]));
    expect(new Set(rows.map(([name]) => name))).toEqual(new Set([...names].map((name) => `\`${name}\``)));
    for (const row of rows) {
      const name = row[0]?.slice(1, -1) ?? '';
      const [min, max] = BOUNDS[name] ?? ['', ''];
      const initial = defaults.map((options) => shown(options.get(name)));
      expect(row.slice(0, -1)).toEqual([`\`${name}\``, ...initial, String(min), String(max)]);
      expect(row.at(-1)).toMatch(/\.$/);
    }
  });

  it('names every choice', () => {
    for (const [name, choices] of Object.entries(CHOICES)) {
      const about = rows.find(([option]) => option === `\`${name}\``)?.at(-1);
      for (const choice of choices) expect(about).toContain(`\`${choice}\``);
    }
  });

  it('states the limits of payloads', () => {
    expect(page).toContain(`at most ${MAX_JSON_DEPTH} levels deep`);
    expect(page).toContain(`most ${MAX_DETAIL} characters of them`);
  });
});
