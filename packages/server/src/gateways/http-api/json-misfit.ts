import type * as z from 'zod';

/**
 * One line about the first thing in a request that does not fit: `bad_message` with the field and its bounds. Never
 * repeats what was sent.
 */
export function misfitDetail(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'the request does not fit';
  const path = issue.path.map(String).join('.');
  const expected = expectation(issue);
  return path === '' ? expected : `${path}: ${expected}`;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeName(issue.expected)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'too_small':
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`;
    default:
      return issue.message;
  }
}

function typeName(expected: string): string {
  switch (expected) {
    case 'int':
    case 'number':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
    case 'record':
      return 'an object';
    case 'nonoptional':
      return 'a value';
    default:
      return `a ${expected}`;
  }
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' items' : '';
}
