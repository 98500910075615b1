import { readFileSync } from 'node:fs';

// A JSON Schema validator of the tests' own, for the keywords that messages.schema.json uses. It knows nothing of the
// server's codecs, so it can judge them. A keyword it does not know is an error: nothing passes for being unread.

type Schema = { readonly [keyword: string]: unknown };

const SCHEMA_FILE = new URL('../../../../protocol/schema/messages.schema.json', import.meta.url);
const root = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as {
  readonly $defs: Readonly<Record<string, Schema>>;
};

const ANNOTATIONS = new Set(['description', 'title', '$schema']);

/** Frames that did not fit the schema, from all clients of this process. */
const misfits: string[] = [];

/**
 * Holds a frame from the server against the schema; `takeMisfits` tells of those that do not fit. A field that the
 * schema does not name is wrong too.
 *
 * @param isOtherForm whether it came as binary where JSON is spoken, or as text where MessagePack is
 */
export function noteFrame(text: string, isOtherForm = false): void {
  const wrong = isOtherForm ? 'a frame of a form that is not spoken' : problem('down', JSON.parse(text));
  if (wrong !== undefined) misfits.push(`${wrong}: ${text.slice(0, 200)}`);
}

/** Forgets and gives the frames that did not fit. */
export function takeMisfits(): string[] {
  return misfits.splice(0);
}

/** What is wrong with a message from a client, or undefined. */
export function upProblem(message: unknown): string | undefined {
  return problem('up', message);
}

/** Whether the schema has a message of this type in this direction. */
export function isKnownType(direction: 'up' | 'down', type: string): boolean {
  return Object.hasOwn(root.$defs, `${direction}.${type}`);
}

/** The fields that the schema names for a message, each with its own schema. */
export function fieldsOf(direction: 'up' | 'down', type: string): Readonly<Record<string, Schema>> {
  return root.$defs[`${direction}.${type}`]!['properties'] as Readonly<Record<string, Schema>>;
}

function problem(direction: 'up' | 'down', message: unknown): string | undefined {
  if (!isObject(message)) return 'is no object';
  const type = Object.hasOwn(message, 't') ? message['t'] : undefined;
  if (typeof type !== 'string' || !isKnownType(direction, type))
    return `t: ${JSON.stringify(type)} is not known`;
  return check(root.$defs[`${direction}.${type}`]!, message, type, direction === 'down');
}

function check(schema: Schema, value: unknown, path: string, strict: boolean): string | undefined {
  for (const [keyword, rule] of Object.entries(schema)) {
    const wrong = checkKeyword(keyword, rule, schema, value, path, strict);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function checkKeyword(
  keyword: string,
  rule: unknown,
  schema: Schema,
  value: unknown,
  path: string,
  strict: boolean,
): string | undefined {
  const fails = (what: string): string => `${path}: ${what}, not ${JSON.stringify(value)?.slice(0, 80)}`;
  switch (keyword) {
    case 'type':
      return hasType(value, rule as string) ? undefined : fails(`expected ${String(rule)}`);
    case 'const':
      return value === rule ? undefined : fails(`expected ${JSON.stringify(rule)}`);
    case 'enum':
      return (rule as unknown[]).includes(value)
        ? undefined
        : fails(`expected one of ${JSON.stringify(rule)}`);
    case 'minLength':
      return typeof value === 'string' && value.length < (rule as number)
        ? fails(`shorter than ${String(rule)}`)
        : undefined;
    case 'maxLength':
      return typeof value === 'string' && value.length > (rule as number)
        ? fails(`longer than ${String(rule)}`)
        : undefined;
    case 'minimum':
      return typeof value === 'number' && value < (rule as number)
        ? fails(`below ${String(rule)}`)
        : undefined;
    case 'maximum':
      return typeof value === 'number' && value > (rule as number)
        ? fails(`above ${String(rule)}`)
        : undefined;
    case 'required':
      return checkRequired(rule as string[], value, path);
    case 'properties':
      return checkProperties(rule as Record<string, Schema>, value, path, strict);
    case 'additionalProperties':
      // True is for the readers of newer servers' messages; what today's server sends beside the schema is a mistake.
      return rule === true && !strict ? undefined : checkAdditional(schema, value, path);
    case 'items':
      if (!Array.isArray(value)) return undefined;
      for (const [i, item] of value.entries()) {
        const wrong = check(rule as Schema, item, `${path}[${i}]`, strict);
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    default:
      if (ANNOTATIONS.has(keyword)) return undefined;
      throw new Error(`messages.schema.json uses ${keyword} at ${path}, which this validator does not know`);
  }
}

function checkRequired(names: readonly string[], value: unknown, path: string): string | undefined {
  if (!isObject(value)) return undefined;
  const missing = names.find((name) => !Object.hasOwn(value, name));
  return missing === undefined ? undefined : `${path}.${missing}: is missing`;
}

function checkProperties(
  properties: Record<string, Schema>,
  value: unknown,
  path: string,
  strict: boolean,
): string | undefined {
  if (!isObject(value)) return undefined;
  for (const [name, schema] of Object.entries(properties)) {
    if (!Object.hasOwn(value, name)) continue;
    const wrong = check(schema, value[name], `${path}.${name}`, strict);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function checkAdditional(schema: Schema, value: unknown, path: string): string | undefined {
  if (!isObject(value)) return undefined;
  const named = schema['properties'] ?? {};
  const stray = Object.keys(value).find((name) => !Object.hasOwn(named, name));
  return stray === undefined ? undefined : `${path}.${stray}: is not in the schema`;
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isSafeInteger(value);
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
