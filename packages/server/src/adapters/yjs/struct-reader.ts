import {
  ANY,
  type Cursor,
  fail,
  readByte,
  readText,
  readVarUint,
  skipAny,
  skipBytes,
  skipJson,
  textAt,
} from './update-bytes.ts';

/**
 * Clocks that one deleted or collected run may take. It costs a few bytes whatever its length; somebody who deletes for a
 * hundred years does not come here, and clocks stay far below 2^53.
 */
export const MAX_RUN = 2 ** 31;

/** Sub-documents that one update may bring. Each is six bytes at least, and a whole document, some kilobytes, to whoever applies it. */
export const MAX_SUB_DOCUMENTS = 10_000;

/** What an item has beside it and above it: references to what must be there. */
const LEFT = 0x80;
const RIGHT = 0x40;
const KEYED = 0x20;
const CONTENT = 0x1f;
/** Stands for clocks that the update does not bring. */
const SKIP = 10;

/** What a struct refers to: its left or right neighbour when it was made, or the type that it is in. `none`: it stands for itself. */
export type Reference = 'left' | 'right' | 'parent' | 'none';

/** What a scan of an update gathers. */
export type Scan = {
  /** The next clock that must be known of each client id; null until there is one. What the update brings itself is not yet left out. */
  needs: Map<number, number> | null;
  subDocuments: number;
  /** Types that the update makes. */
  types: number;
  /** Told of each struct's references, in the order of the bytes. */
  readonly onReference:
    | ((client: number, clock: number, reference: Reference, toClient: number, toClock: number) => void)
    | null;
};

/** Reads one struct. @returns its length in clocks; 0 with a fault */
export function readStruct(cursor: Cursor, client: number, clock: number, scan: Scan): number {
  const info = readByte(cursor);
  if (info === 0) {
    scan.onReference?.(client, clock, 'none', client, clock);
    return readRun(cursor);
  }
  if ((info & CONTENT) === SKIP) return fail(cursor, 'it leaves something out');
  if ((info & LEFT) !== 0) readReference(cursor, client, clock, 'left', scan);
  if ((info & RIGHT) !== 0) readReference(cursor, client, clock, 'right', scan);
  if ((info & (LEFT | RIGHT)) === 0) {
    readParent(cursor, client, clock, scan);
    if ((info & KEYED) !== 0) readText(cursor);
  }
  if (cursor.fault !== null) return 0;
  const length = readContent(cursor, info & CONTENT, scan);
  return length === 0 ? fail(cursor, 'an item is empty') : length;
}

function readRun(cursor: Cursor): number {
  const length = readVarUint(cursor);
  if (length === 0) return fail(cursor, 'a run is empty');
  return length <= MAX_RUN ? length : fail(cursor, 'a run leaps');
}

function readParent(cursor: Cursor, client: number, clock: number, scan: Scan): void {
  // Yjs takes anything but 1 for "by id"; only 0 is written.
  const byName = readVarUint(cursor);
  if (byName === 1) {
    scan.onReference?.(client, clock, 'none', client, clock);
    readText(cursor);
  } else if (byName === 0) readReference(cursor, client, clock, 'parent', scan);
  else fail(cursor, 'a parent is neither a name nor an id');
}

function readReference(
  cursor: Cursor,
  client: number,
  clock: number,
  reference: Reference,
  scan: Scan,
): void {
  const toClient = readVarUint(cursor);
  const toClock = readVarUint(cursor);
  if (cursor.fault !== null) return;
  if (toClient === client) {
    // Yjs looks such a one up without asking whether it is there.
    if (toClock >= clock) fail(cursor, 'an item builds on a later one of its own client id');
  } else need(scan, toClient, toClock);
  scan.onReference?.(client, clock, reference, toClient, toClock);
}

function need(scan: Scan, client: number, clock: number): void {
  const needs = (scan.needs ??= new Map<number, number>());
  const before = needs.get(client);
  if (before === undefined || before <= clock) needs.set(client, clock + 1);
}

function readContent(cursor: Cursor, content: number, scan: Scan): number {
  switch (content) {
    case 1:
      return readRun(cursor);
    case 2:
      return readJsonList(cursor);
    case 3:
      skipBytes(cursor, readVarUint(cursor));
      return 1;
    case 4:
      return readText(cursor);
    case 5:
      skipJson(cursor, false);
      return 1;
    case 6:
      readText(cursor);
      skipJson(cursor, false);
      return 1;
    case 7:
      readType(cursor);
      scan.types++;
      return 1;
    case 8:
      return readAnyList(cursor);
    case 9:
      readSubDocument(cursor, scan);
      return 1;
    default:
      return fail(cursor, 'an item is of no known kind');
  }
}

function readJsonList(cursor: Cursor): number {
  const count = readVarUint(cursor);
  for (let i = 0; i < count && cursor.fault === null; i++) skipJson(cursor, true);
  return count;
}

function readAnyList(cursor: Cursor): number {
  const count = readVarUint(cursor);
  for (let i = 0; i < count && cursor.fault === null; i++) skipAny(cursor);
  return count;
}

/** Array, map, text, element, fragment, hook, text in XML; an element and a hook have a name. */
function readType(cursor: Cursor): void {
  const type = readVarUint(cursor);
  if (type > 6) fail(cursor, 'a type is unknown');
  else if (type === 3 || type === 5) readText(cursor);
}

/** Options of a sub-document that are no data: a name that is no text, and a filter that is no function, end whoever uses it later. */
const NOT_OPTIONS: ReadonlySet<string> = new Set(['guid', 'gcFilter', '__proto__']);

function readSubDocument(cursor: Cursor, scan: Scan): void {
  if (++scan.subDocuments > MAX_SUB_DOCUMENTS) {
    fail(cursor, 'it has too many sub-documents');
    return;
  }
  readText(cursor);
  // Yjs reads properties of it: it must be an object.
  if (readByte(cursor) !== ANY.object) {
    fail(cursor, "a sub-document's options are no object");
    return;
  }
  const count = readVarUint(cursor);
  for (let i = 0; i < count && cursor.fault === null; i++) {
    const at = cursor.at;
    readText(cursor);
    if (cursor.fault === null && NOT_OPTIONS.has(textAt(cursor.bytes, at)))
      fail(cursor, 'a sub-document has an option that is none');
    skipAny(cursor, 1);
  }
}
