/** Something that becomes due. The heap alone writes both fields. */
export type Due = {
  /** ms since the epoch. */
  dueMs: number;
  /** Where it is in the heap; -1: it is in none. */
  heapIndex: number;
};

/** Things by the time at which they become due. Each knows its place, so that one is moved or taken out in log n. */
export type DueHeap<T extends Due> = {
  /** The one that is due first. */
  peek(): T | undefined;
  /** Puts an item in, or moves the one that is in. */
  put(item: T, dueMs: number): void;
  remove(item: T): void;
};

export function createDueHeap<T extends Due>(): DueHeap<T> {
  const items: T[] = [];

  function place(item: T, index: number): void {
    items[index] = item;
    item.heapIndex = index;
  }

  function rise(item: T): void {
    let index = item.heapIndex;
    while (index > 0) {
      const parent = items[(index - 1) >> 1] as T;
      if (parent.dueMs <= item.dueMs) break;
      place(parent, index);
      index = (index - 1) >> 1;
    }
    place(item, index);
  }

  function sink(item: T): void {
    let index = item.heapIndex;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && (items[child + 1] as T).dueMs < (items[child] as T).dueMs) child++;
      const smaller = items[child] as T;
      if (smaller.dueMs >= item.dueMs) break;
      place(smaller, index);
      index = child;
    }
    place(item, index);
  }

  return {
    peek: () => items[0],
    put(item, dueMs) {
      item.dueMs = dueMs;
      if (item.heapIndex < 0) {
        item.heapIndex = items.length;
        items.push(item);
      }
      rise(item);
      sink(item);
    },
    remove(item) {
      const index = item.heapIndex;
      if (index < 0) return;
      item.heapIndex = -1;
      const last = items.pop() as T;
      if (last === item) return;
      place(last, index);
      rise(last);
      sink(last);
    },
  };
}
