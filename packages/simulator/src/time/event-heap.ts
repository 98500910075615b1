/** One thing that is going to happen. Of two at the same time the one that was planned first comes first. */
export type Planned = { readonly atUs: number; readonly order: number };

/** A binary heap: the earliest first. */
export type EventHeap<T extends Planned> = {
  push(event: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
  readonly size: number;
};

export function createEventHeap<T extends Planned>(): EventHeap<T> {
  const heap: T[] = [];

  function before(a: T, b: T): boolean {
    return a.atUs !== b.atUs ? a.atUs < b.atUs : a.order < b.order;
  }

  function siftDown(event: T): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as T, heap[child] as T)) child++;
      if (!before(heap[child] as T, event)) break;
      heap[at] = heap[child] as T;
      at = child;
    }
    heap[at] = event;
  }

  return {
    push(event) {
      let at = heap.length;
      heap.push(event);
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!before(event, heap[parent] as T)) break;
        heap[at] = heap[parent] as T;
        at = parent;
      }
      heap[at] = event;
    },
    peek: () => heap[0],
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) siftDown(last);
      return first;
    },
    get size() {
      return heap.length;
    },
  };
}
