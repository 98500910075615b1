import type * as z from 'zod';
import { settingList, type Setting } from './setting-list.ts';

/** The longest piece of a wrong value that is repeated. */
const SHOWN_LENGTH = 60;

/**
 * One line about the first thing that is wrong: which setting, what about it, what to do. Never shows a secret.
 *
 * @param fromEnvironment names of the settings that came from the environment, to be called by their variable
 */
export function configProblem(
  issue: z.core.$ZodIssue,
  input: unknown,
  fromEnvironment: ReadonlyMap<string, unknown>,
): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const where = path.length === 0 ? 'the configuration' : path.join('.');
    return `${where}: there is no setting ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; docs/configuration.md lists them all`;
  }
  if (path.length === 0) return 'the configuration must be an object';
  const setting = settingAt(path);
  if (setting === undefined) {
    return issue.code === 'custom'
      ? `${path.join('.')} ${issue.message}`
      : `${path.join('.')}: ${lowered(issue.message)}`;
  }
  const called = fromEnvironment.has(setting.name) && setting.env !== null ? setting.env : path.join('.');
  const about = setting.about === '' ? '' : ` (${setting.about.replace(/\.$/, '')})`;
  if (issue.code === 'custom') return `${called} ${issue.message}${about}`;
  const value = valueAt(input, path);
  const got =
    value === undefined ? '' : setting.secret ? ', its value is not shown' : `, not ${shown(value)}`;
  return `${called} must be ${setting.expected}${got}${about}`;
}

/** The setting at a path, or the one that the path leads into (one field of `presence.fields`). */
function settingAt(path: readonly string[]): Setting | undefined {
  for (let length = path.length; length > 0; length--) {
    const name = path.slice(0, length).join('.');
    const setting = settingList().find((candidate) => candidate.name === name);
    if (setting !== undefined) return setting;
  }
  return undefined;
}

function valueAt(input: unknown, path: readonly string[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
