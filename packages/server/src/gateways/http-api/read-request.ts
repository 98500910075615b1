import type { Context } from 'hono';
import * as z from 'zod';
import type { Outcome } from '../../runtime/node-api.ts';
import { misfitDetail } from './json-misfit.ts';
import { readJsonBody } from './json-body.ts';
import { queryOf, rawPath } from './paths.ts';
import type { ApiEnv, Refusal } from './replies.ts';
import type { PathParameter } from './route.ts';

/** A whole number in a query: digits and nothing else. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : text),
    z.int().min(min).max(max),
  );
}

/** `true` or `false` in a query. */
export function flag(): z.ZodType<boolean> {
  return z.preprocess((text) => (text === 'true' ? true : text === 'false' ? false : text), z.boolean());
}

function refused(code: Refusal['code'], detail: string): Refusal {
  return { ok: false, code, detail };
}

/** The parts of a path by their names, each percent-decoded once. */
export function readParams(
  context: Context<ApiEnv>,
  template: readonly string[],
  params: Readonly<Record<string, PathParameter>>,
): Outcome<Readonly<Record<string, string>>> {
  const segments = rawPath(context.env.incoming).split('/');
  const read: Record<string, string> = {};
  for (const [name, { invalid }] of Object.entries(params)) {
    const segment = segments[template.indexOf(`{${name}}`)] ?? '';
    try {
      read[name] = decodeURIComponent(segment);
    } catch {
      return refused(invalid, `${name}: the path is not percent-encoded UTF-8`);
    }
  }
  return { ok: true, value: read };
}

/**
 * The query by the schemas of its parameters. One that is not known is refused: answered as if it were not there, a
 * misspelt bound would look like a page that is complete.
 */
export function readQuery(
  context: Context<ApiEnv>,
  schemas: Readonly<Record<string, z.ZodType>>,
): Outcome<Readonly<Record<string, unknown>>> {
  const given = queryOf(context.env.incoming);
  const known = Object.keys(schemas);
  for (const name of given.keys()) {
    if (!known.includes(name)) {
      const there = known.length === 0 ? 'there are none here' : `there are ${known.join(', ')}`;
      return refused(
        'bad_message',
        `there is no query parameter ${JSON.stringify(name.slice(0, 40))}: ${there}`,
      );
    }
    if (given.getAll(name).length > 1) return refused('bad_message', `${name}: given more than once`);
  }
  return readFields(schemas, (name) => given.get(name) ?? undefined);
}

/** The headers that a route knows; all others are somebody else's. */
export function readHeaders(
  context: Context<ApiEnv>,
  schemas: Readonly<Record<string, z.ZodType>>,
): Outcome<Readonly<Record<string, unknown>>> {
  return readFields(schemas, (name) => context.req.header(name));
}

function readFields(
  schemas: Readonly<Record<string, z.ZodType>>,
  valueOf: (name: string) => string | undefined,
): Outcome<Readonly<Record<string, unknown>>> {
  const read: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const result = schema.safeParse(valueOf(name));
    if (!result.success) return refused('bad_message', `${name}: ${misfitDetail(result.error)}`);
    read[name] = result.data;
  }
  return { ok: true, value: read };
}

/** The body by its schema. Fields that the schema does not name are ignored, as on the wire ([MSG3]). */
export async function readBody<S extends z.ZodType>(
  context: Context<ApiEnv>,
  schema: S,
  maxBytes: number,
): Promise<Outcome<z.output<S>>> {
  const read = await readJsonBody(context.req.raw, maxBytes);
  if (!read.ok) return refused(read.code, read.detail);
  const result = schema.safeParse(read.body);
  return result.success
    ? { ok: true, value: result.data }
    : refused('bad_message', misfitDetail(result.error));
}
