import type { StandardSchema } from '@carillon/contract';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { toValidate } from '../../src/server/contract/validate.ts';

function checkOf(schema: StandardSchema) {
  const failures: string[] = [];
  const validate = toValidate(schema, 'channels["a"].data', (where, error) =>
    failures.push(`${where}: ${String(error)}`),
  );
  return { validate, failures };
}

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
};

describe.each<[string, StandardSchema]>([
  [
    'zod',
    z.object({
      text: z.string(),
      n: z.number().default(7),
      'a/b~c': z.array(z.object({ x: z.number() })).optional(),
    }),
  ],
  [
    'valibot',
    v.object({
      text: v.string(),
      n: v.optional(v.number(), 7),
      'a/b~c': v.optional(v.array(v.object({ x: v.number() }))),
    }),
  ],
  [
    'arktype',
    type({ text: 'string', n: 'number = 7', 'a/b~c?': type({ x: 'number' }).array(), '+': 'delete' }),
  ],
])('[CHN5] a schema of %s', (_vendor, schema) => {
  it('makes of a payload what is published: defaults filled in, what it does not know dropped', async () => {
    const { validate, failures } = checkOf(schema);
    expect(await validate({ text: 'hi', stray: 1 })).toEqual({ ok: true, value: { text: 'hi', n: 7 } });
    expect(failures).toEqual([]);
  });

  it.each<[unknown, string]>([
    [{ text: 5 }, '/text'],
    [{ text: 'hi', n: '7' }, '/n'],
    [{ text: 'hi', 'a/b~c': [{ x: 1 }, { x: 'y' }] }, '/a~1b~0c/1/x'],
    ['text', ''],
    [null, ''],
    [undefined, ''],
    [[], ''],
  ])('refuses %j and names the path %j', async (payload, path) => {
    const { validate, failures } = checkOf(schema);
    const result = await validate(payload);
    // Where an array is no object, one vendor misses the first key and another the object.
    if (Array.isArray(payload)) expect(result).toMatchObject({ ok: false });
    else expect(result).toEqual({ ok: false, path, detail: expect.stringMatching(/./) });
    expect(failures).toEqual([]);
  });
});

describe('a schema', () => {
  const standard = (validate: (value: unknown) => unknown): StandardSchema =>
    ({ '~standard': { version: 1, vendor: 'test', validate } }) as StandardSchema;

  it('may answer later', async () => {
    const { validate } = checkOf(z.string().refine(async (text) => Promise.resolve(text !== 'no')));
    expect(await validate('yes')).toEqual({ ok: true, value: 'yes' });
    expect(await validate('no')).toMatchObject({ ok: false, path: '' });
  });

  it('answers in the same turn where it can', () => {
    expect(checkOf(z.string()).validate('yes')).toEqual({ ok: true, value: 'yes' });
  });

  it('passes nothing that it fails on, and the log hears of it', async () => {
    const nonsense = [
      () => {
        throw new Error('boom');
      },
      () => Promise.reject(new Error('boom')),
      () => undefined,
      () => null,
      () => 'yes',
      () => ({}),
      () => Promise.resolve(7),
    ];
    for (const answer of nonsense) {
      const { validate, failures } = checkOf(standard(answer));
      expect(await validate('x')).toEqual({ ok: false, path: '', detail: 'the schema could not check it' });
      expect(failures).toEqual([expect.stringMatching(/^channels\["a"\]\.data: /)]);
    }
  });

  it.each<[string, unknown, RegExp]>([
    ['a bigint', 1n, /is a bigint/],
    ['a function', { run: () => 1 }, /is a function/],
    ['a symbol', [Symbol('x')], /is a symbol/],
    ['no number', { n: NaN }, /JSON cannot carry/],
    ['an infinite number', { n: -Infinity }, /JSON cannot carry/],
  ])('that makes of a payload what JSON cannot carry, %s, passes nothing', async (_title, made, problem) => {
    const { validate, failures } = checkOf(standard(() => ({ value: made })));
    expect(await validate('x')).toMatchObject({ ok: false });
    expect(failures).toEqual([expect.stringMatching(problem)]);
  });

  it('may make an object that says what it is in JSON', () => {
    const { validate } = checkOf(z.coerce.date());
    const result = validate('2026-01-01');
    expect(JSON.stringify(result)).toBe('{"ok":true,"value":"2026-01-01T00:00:00.000Z"}');
  });

  it('sees 100 levels, and not one more', () => {
    const { validate, failures } = checkOf(z.unknown());
    expect(validate(deep(100))).toMatchObject({ ok: true });
    expect(validate(deep(101))).toEqual({ ok: false, path: '', detail: 'is nested deeper than 100 levels' });
    expect(validate(JSON.parse('['.repeat(30_000) + ']'.repeat(30_000)))).toMatchObject({ ok: false });
    expect(failures).toEqual([]);
  });

  it('of its own depth is not brought down by a payload', async () => {
    const tree: StandardSchema = z.lazy(() => z.array(tree as z.ZodType));
    const { validate } = checkOf(tree);
    expect(await validate(JSON.parse('['.repeat(30_000) + ']'.repeat(30_000)))).toMatchObject({ ok: false });
  });

  it('has its words cut: they may repeat what was sent', async () => {
    const { validate } = checkOf(standard((value) => ({ issues: [{ message: `not ${String(value)}` }] })));
    const result = await validate('x'.repeat(10_000));
    expect(result.ok ? '' : result.detail).toHaveLength(300);
  });
});
