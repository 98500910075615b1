import * as z from 'zod';

export type JsonSchema = { readonly [keyword: string]: unknown };

/** JSON Schemas (draft 2020-12, the dialect of OpenAPI 3.1) of many parts at once, and those that several share. */
export type SchemaSet = {
  /** By the names that were given. */
  readonly schemas: ReadonlyMap<string, JsonSchema>;
  /** Those that have an id, by it; referred to as `#/components/schemas/{id}`. */
  readonly shared: Readonly<Record<string, JsonSchema>>;
};

/**
 * @param io `input`: what may be sent, unknown fields included; `output`: what a text becomes once it has been read
 */
export function schemaSet(parts: ReadonlyMap<string, z.ZodType>, io: 'input' | 'output'): SchemaSet {
  // All in one, so that each shared schema is written once.
  const whole = z.toJSONSchema(z.object(Object.fromEntries(parts)), { io, target: 'draft-2020-12' });
  const { properties = {}, $defs = {} } = relocated(whole) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly $defs?: Readonly<Record<string, JsonSchema>>;
  };
  return {
    schemas: new Map([...parts.keys()].map((name) => [name, properties[name] ?? {}])),
    shared: $defs,
  };
}

/** The same schema, its references pointing to where shared schemas stand in an OpenAPI document. */
function relocated(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(relocated);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string'
        ? value.replace('#/$defs/', '#/components/schemas/')
        : relocated(value),
    ]),
  );
}
