/**
 * Keys in the order of their UTF-16 units. Setting a key costs nothing here: keys wait unsorted until somebody reads a
 * page, which a map that is written much more often than joined would otherwise pay for all the time. A page costs what is on
 * it: the list is made anew only once many keys have come or gone.
 */
export type KeyOrder = { sorted: string[]; added: string[]; removed: number };

/** Keys that may have come, and as many that may have gone, before the list is made anew. */
const MOST_UNMERGED = 1_000;

export function createKeyOrder(): KeyOrder {
  return { sorted: [], added: [], removed: 0 };
}

/** Notes a key that was not set before. */
export function addKey(order: KeyOrder, key: string): void {
  order.added.push(key);
}

/**
 * Notes that a key is gone. It stays in the list until that is made anew, and is passed over.
 *
 * @param has whether a key is set; this one no more
 */
export function removeKey(order: KeyOrder, has: (key: string) => boolean): void {
  order.removed++;
  // Keys that come and go without anybody reading a page must not pile up.
  if (order.removed > MOST_UNMERGED && order.removed * 2 > order.sorted.length + order.added.length)
    merge(order, has);
}

/**
 * At most `limit` keys behind `after`, and whether there are more.
 *
 * @param has whether a key is set
 */
export function keysBehind(
  order: KeyOrder,
  after: string | null,
  limit: number,
  has: (key: string) => boolean,
): { keys: string[]; more: boolean } {
  if (order.added.length > MOST_UNMERGED || order.removed > MOST_UNMERGED) merge(order, has);
  const { sorted, added } = order;
  added.sort();
  let i = after === null ? 0 : firstBehind(sorted, after);
  let j = after === null ? 0 : firstBehind(added, after);
  const keys: string[] = [];
  while (i < sorted.length || j < added.length) {
    const a = sorted[i];
    const b = added[j];
    const key = b === undefined || (a !== undefined && a <= b) ? (a as string) : b;
    if (key === a) i++;
    else j++;
    // One that was deleted and set again stands there twice.
    if (key === keys.at(-1) || !has(key)) continue;
    if (keys.length >= limit) return { keys, more: true };
    keys.push(key);
  }
  return { keys, more: false };
}

/** One list of the keys that are set, each once: one may have been deleted and set again meanwhile. */
function merge(order: KeyOrder, has: (key: string) => boolean): void {
  const { sorted, added } = order;
  added.sort();
  const merged: string[] = [];
  let last: string | undefined;
  for (let i = 0, j = 0; i < sorted.length || j < added.length;) {
    const a = sorted[i];
    const b = added[j];
    const key = b === undefined || (a !== undefined && a <= b) ? (a as string) : b;
    if (key === a) i++;
    else j++;
    if (key !== last && has(key)) merged.push(key);
    last = key;
  }
  order.sorted = merged;
  order.added = [];
  order.removed = 0;
}

function firstBehind(sorted: readonly string[], after: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
