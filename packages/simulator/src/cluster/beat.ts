import type { Owner, VirtualTime } from '../time/virtual-time.ts';
import type { NodeLine } from './node-line.ts';

/** How often a node sends itself a message, ms. */
const BEAT_MS = 2_000;

/**
 * Up to which stamp a node has surely been sent everything: it sends itself a stamp along the line that all else comes on.
 * When it is back, so is what was published before it.
 */
export function createBeat(
  time: VirtualTime,
  life: Owner,
  line: NodeLine,
  stamp: () => number,
): () => number {
  let seen = stamp();

  function send(): void {
    const sent = stamp();
    line
      .run(() =>
        line.carry(() => {
          seen = Math.max(seen, sent);
        }),
      )
      // The line is down: it says so itself.
      .catch(() => undefined);
    time.plan(BEAT_MS, life, send);
  }
  send();
  return () => seen;
}
