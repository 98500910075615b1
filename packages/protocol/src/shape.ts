/**
 * A message's shape, written once: the TypeScript type, the check at the edge and the JSON Schema for other
 * languages are all read off it. Checks allocate nothing and never throw.
 */

export type FieldShape =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'string'; readonly maxLength: number; readonly minLength?: number }
  | { readonly kind: 'oneOf'; readonly values: readonly string[] }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean' }
  /** Any JSON value: what an app's own schema says of it is checked elsewhere. */
  | { readonly kind: 'json' }
  | { readonly kind: 'list'; readonly of: FieldShape | MessageShape };

export type Field = { readonly shape: FieldShape; readonly optional: boolean; readonly about: string };

export type MessageShape = {
  readonly about: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** True where an app's own presence fields (see PROTOCOL.md, [PRE7]) may stand beside the named ones. */
  readonly presenceFields: boolean;
};

/** A whole number that JSON and IEEE 754 doubles carry exactly. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

export function required<const S extends FieldShape>(
  shape: S,
  about: string,
): { shape: S; optional: false; about: string } {
  return { shape, optional: false, about };
}

export function optional<const S extends FieldShape>(
  shape: S,
  about: string,
): { shape: S; optional: true; about: string } {
  return { shape, optional: true, about };
}

/** What is wrong with a value: the field at fault, or undefined when it fits. */
export type Misfit = { readonly field: string; readonly expected: string };

/**
 * Checks a parsed JSON object against a shape. Unknown fields are ignored ([MSG3]).
 *
 * @returns undefined when it fits, else the first field that does not
 */
export function misfit(shape: MessageShape, value: Readonly<Record<string, unknown>>): Misfit | undefined {
  for (const name in shape.fields) {
    const field = shape.fields[name] as Field;
    // Own properties only: a `__proto__` key must not supply a field that the sender left out.
    const present = Object.hasOwn(value, name);
    if (!present) {
      if (field.optional) continue;
      return { field: name, expected: describe(field.shape) };
    }
    if (!fits(field.shape, value[name])) return { field: name, expected: describe(field.shape) };
  }
  return undefined;
}

function fits(shape: FieldShape, value: unknown): boolean {
  switch (shape.kind) {
    case 'literal':
      return value === shape.value;
    case 'string':
      return (
        typeof value === 'string' && value.length <= shape.maxLength && value.length >= (shape.minLength ?? 0)
      );
    case 'oneOf':
      return typeof value === 'string' && shape.values.includes(value);
    case 'integer':
      return Number.isSafeInteger(value) && (value as number) >= shape.min && (value as number) <= shape.max;
    case 'boolean':
      return typeof value === 'boolean';
    case 'json':
      return true;
    case 'list':
      return Array.isArray(value) && value.every((item) => itemFits(shape.of, item));
  }
}

function itemFits(of: FieldShape | MessageShape, item: unknown): boolean {
  if ('kind' in of) return fits(of, item);
  return isRecord(item) && misfit(of, item) === undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(shape: FieldShape): string {
  switch (shape.kind) {
    case 'literal':
      return JSON.stringify(shape.value);
    case 'string':
      return `a string of ${shape.minLength ?? 0} to ${shape.maxLength} characters`;
    case 'oneOf':
      return `one of ${shape.values.join(', ')}`;
    case 'integer':
      return `a whole number from ${shape.min} to ${shape.max}`;
    case 'boolean':
      return 'true or false';
    case 'json':
      return 'a JSON value';
    case 'list':
      return 'a list';
  }
}
