import { isUserId } from '@carillon/protocol';
import type { EdgePair } from '../../ports/directory.ts';

/** How a file of edges is written: `follower,followee` lines, or one JSON value a line. */
export type EdgeFormat = 'csv' | 'ndjson';

export type EdgeProblem = {
  readonly code: 'bad_message' | 'bad_json' | 'user_id_invalid' | 'self_follow' | 'too_large';
  readonly detail: string;
};

/** One line's edge, or what is wrong with it. */
export function parseEdgeLine(line: string, format: EdgeFormat): EdgePair | EdgeProblem {
  const fields = format === 'csv' ? csvFields(line) : jsonFields(line);
  if (!Array.isArray(fields)) return fields as EdgeProblem;
  const [follower, followee] = fields as readonly unknown[];
  if (fields.length !== 2) return { code: 'bad_message', detail: 'expected two ids, follower and followee' };
  if (!isUserId(follower) || !isUserId(followee))
    return { code: 'user_id_invalid', detail: 'one of the two is no user id' };
  if (follower === followee) return { code: 'self_follow', detail: 'the two are the same' };
  // Now known to be two ids; a pair of its own for each of half a million lines would be as much garbage again.
  return fields as unknown as EdgePair;
}

/** RFC 4180, one record a line: ids have no line breaks. */
function csvFields(line: string): readonly string[] | EdgeProblem {
  if (!line.includes('"')) {
    const comma = line.indexOf(',');
    // Nearly every line of every file; `split` takes several times as long.
    if (comma !== -1 && !line.includes(',', comma + 1)) return [line.slice(0, comma), line.slice(comma + 1)];
    return line.split(',');
  }
  const fields: string[] = [];
  let rest = line;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null) return { code: 'bad_message', detail: 'a quote is not where RFC 4180 has it' };
    fields.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
    if (match[3] !== ',') return fields;
    rest = rest.slice(match[0].length);
  }
}

/** `["alice","bob"]` or `{"follower":"alice","followee":"bob"}`. */
function jsonFields(line: string): readonly unknown[] | EdgeProblem {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { code: 'bad_json', detail: 'not JSON' };
  }
  if (Array.isArray(value)) return value as readonly unknown[];
  if (typeof value === 'object' && value !== null && 'follower' in value && 'followee' in value)
    return [value.follower, value.followee];
  return { code: 'bad_message', detail: 'expected ["follower","followee"] or {"follower":…,"followee":…}' };
}
