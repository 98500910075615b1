import * as z from 'zod';
import { configSchema } from './schema.ts';

/** One setting as documentation, the environment and error messages see it. */
export type Setting = {
  /** Its place in carillon.config.ts, with dots. */
  readonly name: string;
  /** Its environment variable; null where no text can express it. */
  readonly env: string | null;
  readonly kind: 'whole' | 'text' | 'list' | 'choice' | 'object' | 'function';
  readonly about: string;
  readonly expected: string;
  readonly secret: boolean;
  /** As written in the configuration; undefined where there is none. */
  readonly initial: string | number | readonly string[] | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
};

/** What is read off one node of the schema's JSON form. */
type Node = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly default?: string | number | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly env?: string;
  readonly secret?: boolean;
};

let settings: readonly Setting[] | undefined;

/** Every setting, in the order of the schema. */
export function settingList(): readonly Setting[] {
  if (settings === undefined) {
    const found: Setting[] = [];
    collect(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Node, [], found);
    settings = found;
  }
  return settings;
}

function collect(node: Node, path: readonly string[], into: Setting[]): void {
  if (node.properties === undefined) {
    into.push(settingOf(node, path));
    return;
  }
  for (const [name, child] of Object.entries(node.properties)) collect(child, [...path, name], into);
}

function settingOf(node: Node, path: readonly string[]): Setting {
  const kind = kindOf(node);
  return {
    name: path.join('.'),
    env: kind === 'object' || kind === 'function' ? null : (node.env ?? variableOf(path)),
    kind,
    about: node.description ?? '',
    expected: expectedOf(kind, node),
    secret: node.secret === true,
    initial: node.default,
    min: kind === 'whole' ? node.minimum : undefined,
    max: kind === 'whole' ? node.maximum : undefined,
  };
}

function kindOf(node: Node): Setting['kind'] {
  if (node.enum !== undefined) return 'choice';
  switch (node.type) {
    case 'integer':
      return 'whole';
    case 'string':
      return 'text';
    case 'array':
      return 'list';
    case 'object':
      return 'object';
    default:
      // Functions have no JSON form; a rule table or a hook is written in the file as well.
      return 'function';
  }
}

function expectedOf(kind: Setting['kind'], node: Node): string {
  switch (kind) {
    case 'whole':
      return `a whole number from ${node.minimum} to ${node.maximum}`;
    case 'text':
      return 'a text';
    case 'list':
      return 'a list of texts';
    case 'choice':
      return `one of ${(node.enum ?? []).join(', ')}`;
    case 'object':
      return 'an object';
    case 'function':
      return 'a function';
  }
}

/** `sessions.graceMs` is CARILLON_SESSIONS_GRACE_MS in the environment. */
function variableOf(path: readonly string[]): string {
  return ['CARILLON', ...path.map((part) => part.replaceAll(/[A-Z]/g, (letter) => `_${letter}`))]
    .join('_')
    .toUpperCase();
}
