/**
 * How deep a payload may be nested. What reads and writes JSON goes down by recursion: some thousand levels, which fit
 * into a message of 64 KiB, would end it with an overflow of the stack.
 */
export const MAX_JSON_DEPTH = 100;

/** Why JSON cannot carry a value; undefined where it can. Objects with a `toJSON` say themselves what they are. */
export function jsonProblem(value: unknown): string | undefined {
  return problemAt(value, 0);
}

// Looks and allocates nothing, for it runs on every payload.
function problemAt(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : 'is a number that JSON cannot carry';
    case 'object':
      break;
    case 'bigint':
    case 'function':
    case 'symbol':
      return `is a ${typeof value}, which JSON cannot carry`;
  }
  if (value === null) return undefined;
  if (depth >= MAX_JSON_DEPTH) return `is nested deeper than ${MAX_JSON_DEPTH} levels`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const problem = problemAt(item, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return undefined;
  for (const key in value) {
    const problem = problemAt((value as Readonly<Record<string, unknown>>)[key], depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
