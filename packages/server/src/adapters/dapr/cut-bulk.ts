/** What can be read of a request with several events of which only the beginning was kept. */
export type CutBulk = {
  /** Those that are there whole, in their order, as JSON text. */
  readonly entries: readonly Uint8Array[];
  /** The beginning of the one in which it was cut; empty: between two. */
  readonly rest: Uint8Array;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Finds the objects of the list `entries` of a JSON object, of which only a first part is there. What is between them is not checked:
 * whoever parses one sees whether it is JSON.
 *
 * @returns null where no such list begins in it
 */
export function readCutBulk(part: Uint8Array): CutBulk | null {
  const entries: Uint8Array[] = [];
  let depth = 0;
  let key = '';
  let inEntries = false;
  let begin = -1;
  // Byte by byte, without a regexp: it is megabytes, and of all of them only those of ASCII matter here.
  for (let at = 0; at < part.length; at++) {
    switch (part[at]) {
      case QUOTE: {
        const end = endOfText(part, at);
        if (depth === 1) key = Buffer.from(part.subarray(at + 1, end)).toString('latin1');
        at = end;
        break;
      }
      case OPEN_LIST:
        if (depth === 1 && key === 'entries') inEntries = true;
        depth++;
        break;
      case OPEN_OBJECT:
        if (inEntries && depth === 2) begin = at;
        depth++;
        break;
      case CLOSE_LIST:
        depth--;
        if (inEntries && depth === 1) return { entries, rest: part.subarray(part.length) };
        break;
      case CLOSE_OBJECT:
        depth--;
        if (inEntries && depth === 2) {
          entries.push(part.subarray(begin, at + 1));
          begin = -1;
        }
        break;
      default:
        break;
    }
  }
  if (!inEntries) return null;
  return { entries, rest: part.subarray(begin === -1 ? part.length : begin) };
}

/** The index of the quote that ends the text that begins at `start`, or the length where it was cut. */
function endOfText(part: Uint8Array, start: number): number {
  for (let at = start + 1; at < part.length; at++) {
    if (part[at] === BACKSLASH) at++;
    else if (part[at] === QUOTE) return at;
  }
  return part.length;
}
