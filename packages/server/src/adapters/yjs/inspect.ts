import type { ClockRange, Inspected } from '../../ports/document-engine.ts';
import { type CrossReference, canBeOrdered } from './reference-order.ts';
import { MAX_RUN, readStruct, type Scan } from './struct-reader.ts';
import { MAX_TYPE_NESTING, recordNesting } from './type-nesting.ts';
import { type Cursor, cursorOn, fail, readVarUint } from './update-bytes.ts';

/** What most updates need beside their own client id: nothing. Nobody writes to it. */
const NOTHING: ReadonlyMap<number, number> = new Map();

/**
 * What an update of format 1 brings, needs and deletes; or what is wrong with it. Reads the bytes once and makes nothing of
 * what they hold, so that time and memory go with their number whatever they say. Stricter than Yjs, which reads some of what it then
 * cannot apply: what passes here is applied, by a document that has exactly what lies before it, without an error and without a rest.
 *
 * Client ids must come in descending order, as every encoder writes them: Yjs forgets the first of two sections of one client id, and
 * `mergeUpdates` loses what is out of order.
 */
export function inspectUpdate(update: Uint8Array): Inspected {
  const cursor = cursorOn(update);
  const sections = readVarUint(cursor);
  const references: CrossReference[] = [];
  const scan: Scan = {
    needs: null,
    subDocuments: 0,
    types: 0,
    // One client id alone can only wait for itself, which is seen at once.
    onReference:
      sections < 2
        ? null
        : (client, clock, _reference, toClient, toClock) => {
            // One's own earlier items are always there.
            if (toClient !== client) references.push({ client, clock, toClient, toClock });
          },
  };
  const brings = readSections(cursor, sections, scan);
  const deletes = readDeletions(cursor, scan);
  if (cursor.fault === null && cursor.at !== update.length) fail(cursor, 'something follows it');
  if (cursor.fault === null && references.length > 0 && !canBeOrdered(brings, references))
    fail(cursor, 'its items wait for one another');
  if (cursor.fault === null && scan.types > MAX_TYPE_NESTING && deepestNesting(update) > MAX_TYPE_NESTING)
    fail(cursor, 'types are nested too deep');
  if (cursor.fault !== null) return { ok: false, detail: cursor.fault };
  return { ok: true, content: { brings, needs: remaining(scan.needs, brings), deletes } };
}

function readSections(cursor: Cursor, sections: number, scan: Scan): ClockRange[] {
  const brings: ClockRange[] = [];
  let previous = Number.POSITIVE_INFINITY;
  for (let i = 0; i < sections && cursor.fault === null; i++) {
    const structs = readVarUint(cursor);
    const client = readVarUint(cursor);
    const from = readVarUint(cursor);
    if (client >= previous) fail(cursor, 'client ids are out of order');
    previous = client;
    let to = from;
    for (let s = 0; s < structs && cursor.fault === null; s++) {
      to += readStruct(cursor, client, to, scan);
      if (to > Number.MAX_SAFE_INTEGER) fail(cursor, 'a clock leaps');
    }
    if (to > from) brings.push({ client, from, to });
  }
  return brings;
}

/**
 * Each client id once, its ranges in order and apart, as every encoder writes them: Yjs goes through all that a range covers, and
 * many that cover the same would keep it for hours.
 *
 * @returns whether there are any
 */
function readDeletions(cursor: Cursor, scan: Scan): boolean {
  const clients = readVarUint(cursor);
  const seen = clients > 1 ? new Set<number>() : null;
  let any = false;
  for (let i = 0; i < clients && cursor.fault === null; i++) {
    const client = readVarUint(cursor);
    const ranges = readVarUint(cursor);
    if (seen?.has(client) === true) fail(cursor, 'deletions of a client id come twice');
    seen?.add(client);
    let end = 0;
    for (let r = 0; r < ranges && cursor.fault === null; r++) end = readRange(cursor, end);
    if (end === 0) continue;
    any = true;
    const needs = (scan.needs ??= new Map<number, number>());
    needs.set(client, Math.max(needs.get(client) ?? 0, end));
  }
  return any;
}

/** @returns the end of the range */
function readRange(cursor: Cursor, before: number): number {
  const clock = readVarUint(cursor);
  const length = readVarUint(cursor);
  if (cursor.fault !== null) return 0;
  if (length === 0) return fail(cursor, 'a deletion is empty');
  if (clock < before) return fail(cursor, 'deletions are out of order');
  if (length > MAX_RUN || clock + length > Number.MAX_SAFE_INTEGER) return fail(cursor, 'a deletion leaps');
  return clock + length;
}

/** Without what the update brings, and what lies before that, which must be there anyway. */
function remaining(
  needs: Map<number, number> | null,
  brings: readonly ClockRange[],
): ReadonlyMap<number, number> {
  if (needs === null) return NOTHING;
  for (const { client, to } of brings) if ((needs.get(client) ?? 0) <= to) needs.delete(client);
  return needs;
}

/** Reads an update that is otherwise right a second time: few have so many types that they could be nested too deep. */
function deepestNesting(update: Uint8Array): number {
  const record = recordNesting();
  const cursor = cursorOn(update);
  readSections(cursor, readVarUint(cursor), {
    needs: null,
    subDocuments: 0,
    types: 0,
    onReference: (client, clock, reference, toClient, toClock) =>
      record.add(client, clock, reference, toClient, toClock),
  });
  return record.deepest();
}
