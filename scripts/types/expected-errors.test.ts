import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { actualErrors, errorsOf, expectedErrors } from './expected-errors.ts';

/** The compiler reads the whole server, on a machine that may be busy with other tests. */
const COMPILING_MS = 120_000;

describe('type tests: each line that must not compile fails by the very error that it names', () => {
  const files = globSync('packages/{contract,server}/test/**/*.test-d.{ts,tsx}').toSorted();

  it('there are some', () => {
    expect(files).toContain('packages/contract/test/inferred.test-d.ts');
  });

  it.each(files)(
    '%s',
    async (file) => {
      const { expected, actual } = await errorsOf(file);
      expect(expected.length).toBeGreaterThan(0);
      expect(actual).toEqual(expected);
    },
    COMPILING_MS,
  );

  it('an expectation that names no error, or another, is noticed', async () => {
    const source = [
      '// @ts-expect-error',
      'const a: string = 1;',
      '// @ts-expect-error TS2741: it lacks something',
      'const b: string = 2;',
      '// @ts-expect-error TS2322: it would be wrong',
      'const c: number = 3;',
      'export { a, b, c };',
    ].join('\n');
    expect(expectedErrors(source)).toEqual([
      { line: 2, code: 'no code is named' },
      { line: 4, code: 'TS2741' },
      { line: 6, code: 'TS2322' },
    ]);
    expect(await actualErrors(source)).toEqual([
      { line: 2, code: 'TS2322' },
      { line: 4, code: 'TS2322' },
    ]);
  });
});
