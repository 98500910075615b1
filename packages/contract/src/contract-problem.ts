import {
  MAX_NAME_LENGTH,
  MAX_PRESENCE_VALUE_LENGTH,
  type ParsedPattern,
  parsePattern,
} from '@carillon/protocol';
import type { CallDefinition } from './calls.ts';
import type { ChannelDefinition } from './channels.ts';
import type { Contract } from './contract.ts';
import { BOUNDS, CHOICES, DEFAULTS } from './defaults.ts';
import { patternsOverlap } from './overlap.ts';

/** The parts of a contract, each a table of named declarations. */
const PARTS = ['presence', 'channels', 'calls', 'clientCalls', 'broadcasts'] as const;

const NAME = /^[a-zA-Z][a-zA-Z0-9_.:/-]*$/;

/**
 * What is wrong with a contract, in one line that names it and says what to do; undefined where nothing is. What the
 * compiler has refused already is looked at again: it may have been written in JavaScript.
 */
export function contractProblem(contract: Contract): string | undefined {
  for (const part of PARTS)
    if (!isTable(contract[part])) return `${part}: expected an object of declarations by their name`;
  return (
    presenceProblem(contract.presence) ??
    channelsProblem(contract.channels) ??
    callsProblem('calls', contract.calls) ??
    callsProblem('clientCalls', contract.clientCalls) ??
    broadcastsProblem(contract.broadcasts)
  );
}

/** Names are left to the server, which has rules of its own for them. */
function presenceProblem(fields: Contract['presence']): string | undefined {
  for (const [name, longest] of Object.entries(fields))
    if (!isWhole(longest, 1, MAX_PRESENCE_VALUE_LENGTH))
      return `presence.${name}: expected the most characters that it may have, from 1 to ${MAX_PRESENCE_VALUE_LENGTH}`;
  return undefined;
}

function channelsProblem(channels: Contract['channels']): string | undefined {
  const parsed: ParsedPattern[] = [];
  for (const [pattern, definition] of Object.entries(channels)) {
    const where = `channels[${JSON.stringify(pattern)}]`;
    const result = parsePattern(pattern);
    if (!result.ok) return `${where}: the pattern ${result.detail}`;
    const other = parsed.find((one) => patternsOverlap(one, result.parsed));
    if (other !== undefined)
      return `${where}: overlaps ${JSON.stringify(other.pattern)}, so that a name could fit both: change one of them`;
    parsed.push(result.parsed);
    if (!isTable(definition) || !isChannelKind(definition.kind))
      return `${where}: expected stream({ … }), map({ … }), signal({ … }) or document({ … })`;
    if (!isSchema(definition.data)) return `${where}.data: ${NO_SCHEMA}`;
    const { kind, data: _, ...options } = definition;
    const wrong = optionsProblem(options, DEFAULTS[kind], '');
    if (wrong !== undefined) return `${where}.${wrong}`;
    const apart = besideProblem(result.parsed, definition, channels);
    if (apart !== undefined) return `${where}.beside: ${apart}`;
  }
  return undefined;
}

/** A channel whose parameters do not say which document it lies beside has nobody's roles. */
function besideProblem(
  { parameters }: ParsedPattern,
  definition: Contract['channels'][string],
  channels: Contract['channels'],
): string | undefined {
  if (definition.kind === 'document' || definition.beside === undefined) return undefined;
  const { beside } = definition;
  if (!Object.hasOwn(channels, beside) || channels[beside]?.kind !== 'document')
    return 'expected the pattern of a document of this contract';
  const document = parsePattern(beside);
  const lacking = document.ok ? document.parsed.parameters.find((name) => !parameters.includes(name)) : '';
  return lacking === undefined ? undefined : `lacks the parameter {${lacking}} of ${JSON.stringify(beside)}`;
}

function callsProblem(part: 'calls' | 'clientCalls', calls: Contract['calls']): string | undefined {
  for (const [name, definition] of Object.entries(calls)) {
    const where = `${part}[${JSON.stringify(name)}]`;
    const wrong = nameProblem(name) ?? callProblem(definition);
    if (wrong !== undefined) return `${where}${wrong}`;
  }
  return undefined;
}

function callProblem(definition: CallDefinition): string | undefined {
  if (!isTable(definition) || definition.kind !== 'call') return ': expected call({ … })';
  const { kind: _, input, output, errors, ...options } = definition;
  if (!isSchema(input)) return `.input: ${NO_SCHEMA}`;
  if (!isSchema(output)) return `.output: ${NO_SCHEMA}`;
  if (!isTable(errors)) return '.errors: expected an object of schemas by their code';
  for (const [code, schema] of Object.entries(errors)) {
    const where = `.errors[${JSON.stringify(code)}]`;
    const wrong = nameProblem(code);
    if (wrong !== undefined) return where + wrong;
    if (!isSchema(schema)) return `${where}: ${NO_SCHEMA}`;
  }
  const wrong = optionsProblem(options, DEFAULTS.call, '');
  return wrong === undefined ? undefined : `.${wrong}`;
}

function broadcastsProblem(broadcasts: Contract['broadcasts']): string | undefined {
  for (const [name, schema] of Object.entries(broadcasts)) {
    const where = `broadcasts[${JSON.stringify(name)}]`;
    const wrong = nameProblem(name);
    if (wrong !== undefined) return where + wrong;
    if (!isSchema(schema)) return `${where}: ${NO_SCHEMA}`;
  }
  return undefined;
}

/** Holds options against the defaults of their kind, which also say which options there are. */
function optionsProblem(
  options: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
  path: string,
): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    const where = path + name;
    if (!Object.hasOwn(defaults, name))
      return `${where}: there is no such option; there are ${Object.keys(defaults).join(', ')}`;
    if (value === undefined) continue;
    const wrong = optionProblem(value, defaults[name], where);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function optionProblem(value: unknown, initial: unknown, where: string): string | undefined {
  if (isTable(initial)) {
    if (!isTable(value)) return `${where}: expected an object of ${Object.keys(initial).join(', ')}`;
    return optionsProblem(value, initial, `${where}.`);
  }
  const bounds = BOUNDS[where];
  if (bounds !== undefined)
    return isWhole(value, ...bounds)
      ? undefined
      : `${where}: expected a whole number from ${bounds[0]} to ${bounds[1]}`;
  if (where === 'beside')
    return typeof value === 'string' ? undefined : 'beside: expected the pattern of a document';
  const choices = CHOICES[where];
  if (choices !== undefined)
    return typeof value === 'string' && choices.includes(value)
      ? undefined
      : `${where}: expected one of ${choices.join(', ')}`;
  return typeof value === 'boolean' ? undefined : `${where}: expected true or false`;
}

const NO_SCHEMA =
  'expected a schema of Standard Schema, version 1, such as those of zod, valibot and arktype';

function nameProblem(name: string): string | undefined {
  return name.length <= MAX_NAME_LENGTH && NAME.test(name)
    ? undefined
    : `: a name has 1 to ${MAX_NAME_LENGTH} letters, digits or _.:/- and begins with a letter`;
}

/** Whether it is a schema; arktype's are functions. */
function isSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  if (!('~standard' in value)) return false;
  const standard = value['~standard'];
  return isTable(standard) && standard['version'] === 1 && typeof standard['validate'] === 'function';
}

function isChannelKind(kind: unknown): kind is ChannelDefinition['kind'] {
  return kind === 'stream' || kind === 'map' || kind === 'signal' || kind === 'document';
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}
