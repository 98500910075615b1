import type { Reference } from './struct-reader.ts';

/**
 * How deep the types of one update may be nested. Yjs goes down by recursion when it deletes, and a few thousand are more than
 * a stack holds; lists in lists in quotes are some dozens.
 */
export const MAX_TYPE_NESTING = 500;

/** The structs of an update, as far as it tells where they are: in the same type as another one, or in the type that another one is. */
export type NestingRecord = {
  /** A reference of a struct; all of a client id in the order of clocks. The first of a struct is the one that counts. */
  add(client: number, clock: number, reference: Reference, toClient: number, toClock: number): void;
  deepest(): number;
};

type Node = {
  readonly clock: number;
  readonly reference: Reference;
  readonly toClient: number;
  readonly toClock: number;
  depth: number;
};

const UNKNOWN = -1;

export function recordNesting(): NestingRecord {
  const clients = new Map<number, Node[]>();

  /** The struct that holds a clock. */
  function find(client: number, clock: number): Node | undefined {
    const nodes = clients.get(client);
    if (nodes === undefined) return undefined;
    let low = 0;
    let high = nodes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((nodes[middle] as Node).clock <= clock) low = middle;
      else high = middle - 1;
    }
    const node = nodes[low];
    return node !== undefined && node.clock <= clock ? node : undefined;
  }

  function resolve(start: Node): number {
    const path: Node[] = [];
    let node: Node | undefined = start;
    while (node !== undefined && node.depth === UNKNOWN) {
      path.push(node);
      node = node.reference === 'none' ? undefined : find(node.toClient, node.toClock);
    }
    let depth = node?.depth ?? 0;
    for (const passed of path.reverse()) {
      if (passed.reference === 'parent') depth++;
      passed.depth = depth;
    }
    return depth;
  }

  return {
    add(client, clock, reference, toClient, toClock) {
      let nodes = clients.get(client);
      if (nodes === undefined) clients.set(client, (nodes = []));
      // The left one says where an item is; the right one is asked only where there is no left one.
      if (nodes.at(-1)?.clock !== clock) nodes.push({ clock, reference, toClient, toClock, depth: UNKNOWN });
    },
    deepest() {
      let deepest = 0;
      for (const nodes of clients.values())
        for (const node of nodes) deepest = Math.max(deepest, resolve(node));
      return deepest;
    },
  };
}
