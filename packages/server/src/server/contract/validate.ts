import type { StandardIssue, StandardResult, StandardSchema } from '@carillon/contract';
import type { Validate, Validated } from '../../core/channel/channel-spec.ts';
import { jsonProblem } from './json-value.ts';

/** Told of a schema that throws, rejects or answers nonsense: a fault of the app's, which the log must name. */
export type OnSchemaFailed = (where: string, error: unknown) => void;

/** How much of an issue's words is passed on; a schema may repeat the value in them. */
export const MAX_DETAIL = 300;

/** What a schema could not check does not pass. */
const UNCHECKED: Validated = { ok: false, path: '', detail: 'the schema could not check it' };

/**
 * Runs a schema. It says no to what it could not check, and to what JSON cannot carry, before the schema, which may go
 * down by recursion, and behind it, for it may make something else of the value.
 *
 * @param where the schema's place in the contract, for the log
 */
export function toValidate(schema: StandardSchema, where: string, onFailed: OnSchemaFailed): Validate {
  const standard = schema['~standard'];

  function failed(error: unknown): Validated {
    onFailed(where, error);
    return UNCHECKED;
  }

  function settle(result: StandardResult<unknown>): Validated {
    const { issues } = result;
    if (issues !== undefined) return refused(issues);
    if (!('value' in result)) return failed(new TypeError('it answered neither a value nor issues'));
    const problem = jsonProblem(result.value);
    return problem === undefined
      ? { ok: true, value: result.value }
      : failed(new TypeError(`what it made of the value ${problem}`));
  }

  return (value) => {
    const problem = jsonProblem(value);
    if (problem !== undefined) return { ok: false, path: '', detail: problem };
    try {
      const result = standard.validate(value);
      return result instanceof Promise ? result.then(settle).catch(failed) : settle(result);
    } catch (error) {
      return failed(error);
    }
  };
}

function refused([issue]: readonly StandardIssue[]): Validated {
  return {
    ok: false,
    path: pointerOf(issue?.path),
    detail: (issue?.message ?? 'does not fit').slice(0, MAX_DETAIL),
  };
}

/** A JSON Pointer (RFC 6901, section 3). */
function pointerOf(path: StandardIssue['path'] = []): string {
  let pointer = '';
  // Not by `map`: arktype's paths are arrays of their own kind, which `map` makes too.
  for (const part of path) {
    const key = String(typeof part === 'object' ? part.key : part);
    pointer += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  }
  return pointer;
}
