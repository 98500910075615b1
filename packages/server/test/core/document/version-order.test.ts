import { describe, expect, it } from 'vitest';
import { isOneTooMany, nextVersionId, surplusVersions } from '../../../src/core/document/version-order.ts';
import type { VersionHead } from '../../../src/ports/documents.ts';

function head(id: string, name: string | null): VersionHead {
  return { id, name, atMs: 0, by: null, position: { epoch: 'e', offset: 1 }, bytes: 1 };
}

describe('versions of a document', () => {
  it('have ids that sort behind those before them, also where the digits run over', () => {
    const ids = [nextVersionId(null, 'a')];
    for (let n = 0; n < 50; n++) ids.push(nextVersionId(ids.at(-1) ?? null, n % 2 === 0 ? 'auto' : '0'));
    expect(ids.slice(0, 2)).toEqual(['00000001-a', '00000002-auto']);
    expect(ids[36]).toMatch(/^00000011-/);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('without a name go from the oldest on beyond what is kept, those with one never', () => {
    const heads = [head('5', null), head('4', 'four'), head('3', null), head('2', null), head('1', 'one')];
    expect(surplusVersions(heads, 3)).toEqual([]);
    expect(surplusVersions(heads, 2)).toEqual(['2']);
    expect(surplusVersions(heads, 0)).toEqual(['5', '3', '2']);
  });

  it('with a name that were saved at once beyond the limit: the later ones are too many, no other', () => {
    const heads = [head('4-b', 'b'), head('4-a', 'a'), head('3', null), head('2', 'two'), head('1', 'one')];
    expect(heads.filter(({ id }) => isOneTooMany(heads, id, 4))).toEqual([]);
    expect(heads.filter(({ id }) => isOneTooMany(heads, id, 3)).map(({ id }) => id)).toEqual(['4-b']);
    expect(heads.filter(({ id }) => isOneTooMany(heads, id, 2)).map(({ id }) => id)).toEqual(['4-b', '4-a']);
    expect(isOneTooMany(heads, '3', 0)).toBe(false);
    expect(isOneTooMany(heads, 'gone', 0)).toBe(false);
  });
});
