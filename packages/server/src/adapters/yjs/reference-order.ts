import type { ClockRange } from '../../ports/document-engine.ts';

/** An item of an update that builds on an item of another client id in the same update. */
export type CrossReference = {
  readonly client: number;
  readonly clock: number;
  readonly toClient: number;
  readonly toClock: number;
};

/**
 * Whether the items of several client ids can be applied one after the other. Two that wait for one another no editor has made,
 * and Yjs keeps them waiting for ever.
 *
 * It does what Yjs does, without the items: goes through a client id until something of another is missing, then goes on there.
 */
export function canBeOrdered(brings: readonly ClockRange[], references: readonly CrossReference[]): boolean {
  const sections = new Map<number, Section>();
  for (const range of brings) sections.set(range.client, { range, waits: [], next: 0, entered: false });
  for (const reference of references) {
    const target = sections.get(reference.toClient)?.range;
    if (target === undefined || reference.toClock < target.from || reference.toClock >= target.to) continue;
    // Read in the order of the bytes: of each client id in the order of clocks.
    sections.get(reference.client)?.waits.push(reference);
  }
  for (const section of sections.values()) if (!complete(section, sections)) return false;
  return true;
}

type Section = {
  readonly range: ClockRange;
  readonly waits: CrossReference[];
  /** Of `waits`: the first that is not known to be fulfilled. */
  next: number;
  /** Whether it waits for another one at the moment. */
  entered: boolean;
};

function isThere(wait: CrossReference | undefined, target: Section): boolean {
  const done = target.waits[target.next]?.clock ?? target.range.to;
  return wait === undefined || wait.toClock < done;
}

function complete(first: Section, sections: ReadonlyMap<number, Section>): boolean {
  // No recursion: the chain may be as long as there are client ids.
  const stack: Section[] = [first];
  first.entered = true;
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const wait = top.waits[top.next];
    // What waits for this one may go on as soon as its item is there; what comes behind may need that in turn.
    const below = stack.at(-2);
    if (wait === undefined || (below !== undefined && isThere(below.waits[below.next], top))) {
      top.entered = false;
      stack.pop();
      continue;
    }
    const target = sections.get(wait.toClient);
    if (target === undefined || isThere(wait, target)) {
      top.next++;
      continue;
    }
    if (target.entered) return false;
    target.entered = true;
    stack.push(target);
  }
  return true;
}
